#!/usr/bin/env python3
"""log_tls on captures that others made, against what tshark found in them: every handshake, and nothing else.

The captures are not part of the project. Their folder, with a NAME.truth.json beside each, is $IRIS_CAPTURES, or
`shared/captures` beside the project's own. Without it this test says so and counts as skipped.
"""
import json
import os
import sys
import unittest
from collections import Counter
from pathlib import Path

import replay

CAPTURES = Path(os.environ.get("IRIS_CAPTURES", replay.ROOT.parent / "shared" / "captures"))
PATTERNS = ("iris-tls_ciphers.pcap", "zeek-tls-*.pcap", "ndpi-tls_with_huge_ch.pcapng")
VERSIONS = {"SSLv3": 0x0300, "TLSv1.0": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304, None: None}


def truth_of(capture):
    """What tshark found, as replay.tls_facts tells it. Streams that begin within a session have no hello to tell."""
    truth = json.loads(capture.with_suffix(".truth.json").read_text())
    streams = {stream["stream"]: stream for stream in truth["tcp"]}
    facts = Counter()
    for tls in truth.get("tls", []):
        if tls.get("client_hellos"):
            ends = (replay.endpoint(streams[tls["stream"]][end]) for end in ("orig", "resp"))
            cipher = int(tls["cipher"], 16) if tls.get("cipher") else None
            facts[(*ends, tls["sni"] or "", VERSIONS[tls["version"]], cipher)] += 1
    return facts


class Shared(unittest.TestCase):
    def test_handshakes(self):
        captures = [capture for pattern in PATTERNS for capture in sorted(CAPTURES.glob(pattern))]
        self.assertTrue(captures, f"{CAPTURES} has none of {', '.join(PATTERNS)}")
        for capture in captures:
            with self.subTest(capture.name):
                run = replay.Run(capture)
                self.assertEqual(run.status, 0, run.said)
                expected, found = truth_of(capture), replay.tls_facts(run)
                self.assertEqual((expected - found, found - expected), (Counter(), Counter()), "(missing, invented)")


if __name__ == "__main__":
    if not CAPTURES.is_dir():
        print(f"*** SKIPPED: no captures in {CAPTURES}; set IRIS_CAPTURES to the folder that has them ***",
              file=sys.stderr)
        sys.exit(replay.SKIPPED)
    unittest.main(verbosity=2)
