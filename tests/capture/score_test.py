#!/usr/bin/env python3
"""Every connection of the shared captures against what tshark found in them: its packets, its unique bytes, and, byte
for byte, what was said in it.

Where the captures are, and what happens without them: see shared_test.py. How events are compared with a truth file is
not ours either: score.py in `tools` beside the captures' folder.
"""
import hashlib
import importlib.util
import json
import os
import sys
import tempfile
import unittest
from collections import Counter
from pathlib import Path

import replay

CAPTURES = Path(os.environ.get("IRIS_CAPTURES", replay.ROOT.parent / "shared" / "captures"))
SCORE = CAPTURES.parent / "tools" / "score.py"
STREAMS = Path(__file__).resolve().parent / "streams.cpp"
FAMILIES = ("conn.tcp", "conn.tcp.bytes", "conn.udp")

# Where we differ and are right, or as right: (capture, family) -> {number of tshark's stream: why}. Whatever lies between
# that stream's two ends is then not compared in that family. The family of what was said is "stream".
ACCEPTED = {}


def load_score():
    spec = importlib.util.spec_from_file_location("score", SCORE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def captures():
    return sorted(path for path in CAPTURES.iterdir() if path.suffix in (".pcap", ".pcapng"))


class Compared:
    """A capture's truth, and what one run over it said."""

    def __init__(self, capture):
        self.name = capture.name
        self.truth = json.loads(capture.with_suffix(".truth.json").read_text())
        self.run = replay.Run(capture, "--records", "conn", subscriptions=[STREAMS])

    def accepted_ends(self, family):
        """The pairs of ends between which nothing is compared."""
        key = "udp" if family == "conn.udp" else "tcp"
        numbers = ACCEPTED.get((self.name, family), {})
        return {frozenset((replay.endpoint(stream["orig"]), replay.endpoint(stream["resp"])))
                for stream in self.truth.get(key, []) if stream["stream"] in numbers}

    def connections(self, score):
        """family -> (missing, invented)"""
        with tempfile.NamedTemporaryFile("wb", suffix=".jsonl") as file:
            file.write(self.run.output)
            file.flush()
            found = score.event_facts(score.load_events(file.name))
        expected = score.truth_facts(self.truth)
        for family in FAMILIES:
            ends = self.accepted_ends(family)
            wanted, got = (Counter({fact: n for fact, n in facts.get(family, Counter()).items()
                                    if frozenset(fact[0]) not in ends}) for facts in (expected, found))
            yield family, wanted - got, got - wanted

    def said(self):
        """Multiset of (sender, receiver, bytes, SHA-256), each direction of each connection that carried anything."""
        hashes, lengths = {}, Counter()
        for event in self.run.events("Piece"):
            data = event["data"]
            sender, receiver = ((data[end]["ip"], data[end]["port"]) for end in ("sender", "receiver"))
            way = (sender, receiver, data["start"])
            piece = bytes.fromhex(data["bytes"])
            hashes.setdefault(way, hashlib.sha256()).update(piece)
            lengths[way] += len(piece)
        return Counter((*way[:2], lengths[way], digest.hexdigest()) for way, digest in hashes.items())

    def expected_to_be_said(self):
        """The same of streams without gaps. tshark was asked for the first 120 streams of a capture."""
        facts = Counter()
        accepted = self.accepted_ends("stream")
        for stream in self.truth["tcp"]:
            follow = stream.get("follow")
            ends = replay.endpoint(stream["orig"]), replay.endpoint(stream["resp"])
            if not follow or follow.get("has_missing_marker") or frozenset(ends) in accepted:
                continue
            for sender, receiver, side in ((*ends, "orig"), (*ends[::-1], "resp")):
                if follow[f"{side}_len"]:
                    facts[sender, receiver, follow[f"{side}_len"], follow[f"{side}_sha256"]] += 1
        return facts


class Shared(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.score = load_score()
        cls.compared = [Compared(capture) for capture in captures()]

    def test_there_are_captures(self):
        self.assertTrue(self.compared, f"none in {CAPTURES}")

    def test_every_run_ends_well(self):
        for one in self.compared:
            with self.subTest(one.name):
                self.assertEqual(one.run.status, 0, one.run.said)

    def test_every_connection_and_its_bytes(self):
        for one in self.compared:
            for family, missing, invented in one.connections(self.score):
                with self.subTest(f"{one.name} {family}"):
                    self.assertEqual((missing, invented), (Counter(), Counter()), "(missing, invented)")

    def test_what_was_said(self):
        for one in self.compared:
            with self.subTest(one.name):
                self.assertEqual(one.expected_to_be_said() - one.said(), Counter(), "missing")

    def test_every_accepted_difference_names_a_stream(self):
        truths = {one.name: one.truth for one in self.compared}
        for (name, family), streams in ACCEPTED.items():
            key = "udp" if family == "conn.udp" else "tcp"
            self.assertLessEqual(set(streams), {stream["stream"] for stream in truths[name][key]}, (name, family))


if __name__ == "__main__":
    for needed in (CAPTURES, SCORE):
        if not needed.exists():
            print(f"*** SKIPPED: there is no {needed}; set IRIS_CAPTURES to the folder of captures ***", file=sys.stderr)
            sys.exit(replay.SKIPPED)
    unittest.main(verbosity=2)
