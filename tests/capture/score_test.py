#!/usr/bin/env python3
"""Every connection of the shared captures against what tshark found in them: its packets, its unique bytes, and, byte
for byte, what was said in it; and every session that it found: TLS, HTTP, DNS, QUIC, SSH.

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
ACCEPTED = {
    ("ndpi-4in4tunnel.pcap", "conn.udp"): {
        0: "one packet every four to fifteen hours: each is over our UDP inactivity of 60 s after the one before"},
    ("ndpi-badpackets.pcap", "conn.udp"): dict.fromkeys(
        range(93), "the first fragment of a datagram whose others are not in the capture: there is no datagram"),
    ("ndpi-fuzz-2006-09-29-28586.pcap", "conn.tcp"): {
        1: "frame 27 is no segment: its data offset says 40 bytes of the 20 that there are. tshark lets its SYN begin "
           "stream 8, which what follows then belongs to",
        8: "see stream 1",
        23: "frame 80 is no segment: its data offset says 40 bytes of the 20 that there are"},
    ("ndpi-fuzz-2006-09-29-28586.pcap", "conn.tcp.bytes"): {
        1: "frame 27, as for conn.tcp", 8: "frame 27, as for conn.tcp", 23: "frame 80, as for conn.tcp"},
    ("ndpi-synscan.pcap", "conn.tcp"): dict.fromkeys(
        (8, 12, 39), "a SYN and its SYN-ACK, repeated after silences of 3, 6 and 12 s: over our 5 s of a handshake that "
                     "goes on nowhere"),
    ("ndpi-synscan.pcap", "conn.tcp.bytes"): dict.fromkeys((8, 12, 39), "as for conn.tcp"),
    ("ndpi-wireguard.pcap", "conn.udp"): {
        0: "silent for 128 s between its two halves: over our UDP inactivity of 60 s"},
    ("zeek-ftp-bigtransfer.pcap", "conn.tcp.bytes"): {
        2: "the capture has ten pieces of a transfer that is longer than the sequence space. Their payloads add up to "
           "23822 bytes, none of them sent twice; the truth is modulo 4 GiB"},
    ("zeek-ipv6-mobility-dst-opts.pcap", "conn.udp"): {
        0: "frames 1 and 3 have destination options that contradict their own lengths; the UDP header is where the "
           "extension header's length says (RFC 8200, 4.2). tshark goes on in one of them only"},
    ("ndpi-1kxun.pcap", "stream"): dict.fromkeys(
        (18, 21), "joined midway at keep-alives, whose byte tshark takes for what was said: the other end calls it a "
                  "duplicate (SACK 0:1 below its acknowledgement)"),
    ("pcpp-many-protocols.pcap", "stream"): {
        1: "as streams 18 and 21 of ndpi-1kxun.pcap",
        **dict.fromkeys((51, 62), "27 bytes in flight when the client reset the connection (frames 1038 and 1135)")},
    ("zeek-tcp-rst-inject-rae.pcap", "stream"): {
        0: "150 bytes after a RST with exactly the number that its receiver expects (frame 7)"},
}

# Facts about sessions have no stream to go by: (capture, family) -> (how many of tshark's we lack, why).
ACCEPTED_SESSIONS = {
    **{("ndpi-openvpn.pcap", f"tls.{fact}"): (count, "TLS inside the control channel of OpenVPN over TCP")
       for fact, count in (("sni", 1), ("ja3", 1), ("cipher", 1), ("version", 1), ("certificate", 4))},
    ("ndpi-fuzz-2006-09-29-28586.pcap", "http.request"): (
        1, "a Host with a zero byte in it: we have all of it, tshark what is before the zero"),
    ("zeek-tunnels-gre-sample.pcap", "dns.query"): (2, "the queries that ICMP errors quote, which tshark counts again"),
}


# What `service` says beside the protocols whose sessions are compared, by tshark's names of the layer. Of those that tshark
# was asked about, both have to agree on where they occur.
SERVICES = {"smtp": "smtp", "ftp": "ftp", "mqtt": "mqtt", "ntp": "ntp", "dhcp": "dhcp", "openvpn": "openvpn",
            "wireguard": "wg"}
SESSIONS = {"tls", "http", "dns", "quic", "ssh"}


def is_interim(status):
    """100 Continue and 101 Switching Protocols are no responses of their own (RFC 9110, 15.2)."""
    return status < 200


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
        self.run = replay.Run(capture, "--records", "conn,tls,http,dns,quic,ssh", subscriptions=[STREAMS])

    def accepted_ends(self, family):
        """The pairs of ends between which nothing is compared."""
        key = "udp" if family == "conn.udp" else "tcp"
        numbers = ACCEPTED.get((self.name, family), {})
        return {frozenset((replay.endpoint(stream["orig"]), replay.endpoint(stream["resp"])))
                for stream in self.truth.get(key, []) if stream["stream"] in numbers}

    def facts(self, score):
        """family -> facts, ours and tshark's"""
        with tempfile.NamedTemporaryFile("wb", suffix=".jsonl") as file:
            file.write(self.run.output)
            file.flush()
            return score.event_facts(score.load_events(file.name)), score.truth_facts(self.truth)

    def sessions(self, score):
        """family -> tshark's facts that we lack"""
        found, expected = self.facts(score)
        for family, facts in expected.items():
            if family not in FAMILIES:
                wanted = Counter({fact: n for fact, n in facts.items()
                                  if family != "http.status" or not is_interim(fact)})
                yield family, wanted - found.get(family, Counter())

    def connections(self, score):
        """family -> (missing, invented)"""
        found, expected = self.facts(score)
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
        """The same of streams that lack nothing. tshark was asked for the first 120 streams of a capture."""
        facts = Counter()
        accepted = self.accepted_ends("stream")
        for stream in self.truth["tcp"]:
            follow = stream.get("follow")
            ends = replay.endpoint(stream["orig"]), replay.endpoint(stream["resp"])
            lacks = any(stream["gap_bytes"]) or (follow or {}).get("has_missing_marker")
            if not follow or lacks or frozenset(ends) in accepted:
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

    def test_every_session(self):
        seen = set()
        for one in self.compared:
            for family, missing in one.sessions(self.score):
                accepted, _ = ACCEPTED_SESSIONS.get((one.name, family), (0, ""))
                seen.add((one.name, family))
                with self.subTest(f"{one.name} {family}"):
                    self.assertEqual(sum(missing.values()), accepted, missing)
        self.assertLessEqual(set(ACCEPTED_SESSIONS), seen)

    def test_every_service(self):
        for one in self.compared:
            with self.subTest(one.name):
                said = {event["data"].get("service") for event in one.run.events("conn")} - {None} - SESSIONS
                tshark = {name for name, layer in SERVICES.items() if layer in one.truth["frames_with_protocol"]}
                self.assertEqual(said, tshark)

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
