#!/usr/bin/env python3
"""A link tapped at two ports, one for each direction, and two workers: every connection is one connection.

nginx and curls speak over two cables, so that no port sees more than one direction. The ports cannot spread packets, so
about every second packet arrives at the worker that does not own its connection. Needs root, for network namespaces;
without it this test says so and counts as skipped.
"""
import json
import sys
import tempfile
import time
import unittest
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "record")]
import clients  # noqa: E402
import daemon  # noqa: E402
import netns  # noqa: E402
import servers  # noqa: E402

REQUESTS = 200


def port(number, interface):
    return {"device": f"net_af_packet{number},iface={interface},blocksz=1048576,framesz=2048,framecnt=65536"}


class Taps(unittest.TestCase):
    def test_both_directions_meet(self):
        with tempfile.TemporaryDirectory(prefix="iris-live-") as name, netns.Cable() as cable:
            folder = Path(name)
            cable.split()
            servers.nginx(cable.server, folder)
            irisd = daemon.Irisd(folder, cable.server, workers={"count": 2},
                                 ports=[port(0, netns.INTERFACE), port(1, netns.RETURN)]).start()
            try:
                self.watch(irisd, cable)
            finally:
                irisd.stop()

    def watch(self, irisd, cable):
        for words in (("add", daemon.LOG_TLS), ("add", "--records", "conn", "--name", "conns")):
            added = irisd.ctl(*words)
            self.assertEqual(added.returncode, 0, added.stderr)

        def request(n):
            told, _ = clients.curl(cable.client, f"https://host{n:03}.example.test/small.txt", "--insecure",
                                   to=netns.SERVERS[0])
            return told

        with ThreadPoolExecutor(4) as pool:
            told = list(pool.map(request, range(REQUESTS)))
        time.sleep(1)
        status = json.loads(irisd.ctl("--json", "status").stdout)
        self.assertEqual(irisd.stop(), 0, irisd.said())  # lingering connections end

        names = Counter((one["sni"], one["originator"]) for one in told)
        seen = Counter((one["sni"], self.text(one["originator"])) for one in irisd.events("log_tls"))
        self.assertEqual((names - seen, seen - names), (Counter(), Counter()), f"(missing, too much)\n{status}")

        ours = [one for one in irisd.events("conns") if one["transport"] == "tcp" and one["responder"]["port"] == 443]
        self.assertEqual(Counter(self.text(one["originator"]) for one in ours),
                         Counter(one["originator"] for one in told))
        for one in ours:
            self.assertGreater(one["orig_payload_bytes"], 0, one)
            self.assertGreater(one["resp_payload_bytes"], 0, one)
            self.assertEqual((one["orig_gap_bytes"], one["resp_gap_bytes"]), (0, 0), one)
            # What two ports receive is in order for each alone, so the SYN-ACK may be looked at after its answer.
            self.assertLessEqual(set("Sh"), set(one["history"]), one)

        workers = status["workers"]
        self.assertEqual(len(workers), 2)
        for worker in workers:
            self.assertGreater(worker["packets"], 0, "a worker that received nothing")
            self.assertGreater(worker["connections_begun"], 0, "a worker that owned nothing")
            self.assertGreater(worker["hand_over"]["sent"], 0, "a worker that handed nothing over")
            self.assertEqual(worker["hand_over"]["lost"], 0)

    @staticmethod
    def text(end):
        return f"{end['ip']}:{end['port']}"


if __name__ == "__main__":
    reason = netns.unusable()
    if reason:
        print(f"*** SKIPPED: {reason} ***", file=sys.stderr)
        sys.exit(daemon.SKIPPED)
    netns.exit_on_signals()
    unittest.main(verbosity=2)
