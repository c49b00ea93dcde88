#!/usr/bin/env python3
"""Packets by themselves: counts per transport and what ICMP errors tell, against what tshark found in the same frames.

The captures are those of shared_test.py; what needs none of them runs in any case.
"""
import json
import tempfile
import unittest
from collections import Counter
from pathlib import Path

import replay
from shared_test import CAPTURES

ICMP_ERRORS = replay.ROOT / "subscriptions" / "icmp_errors" / "icmp_errors.cpp"
NUMBERS = {"icmp": 1, "gre": 47, "esp": 50, "icmpv6": 58, "sctp": 132}

# Each says its own filter's answer, so that a filter and the frame's own members have to agree.
WATCHERS = """#include <iris/iris.hpp>
struct Seen {{ std::string_view filter; iris::FrameStatus status; std::uint8_t transport; std::uint8_t depth; }};
namespace {{
void tell(std::string_view filter, const iris::Frame& f) {{
  iris::emit(Seen{{filter, f.status, static_cast<std::uint8_t>(f.transport), f.depth}});
}}
}}
{}
""".format("\n".join(f'IRIS_CALLBACK("{name}") IRIS_ON(Packet) void f{i}(const iris::Frame& f) {{ tell("{name}", f); }}'
                     for i, name in enumerate([*NUMBERS, "ip", "not ip"])))

# tshark counts a frame for every layer that it has. Frames in which the protocol lies within a tunnel only:
INSIDE = {
    ("ndpi-6in4tunnel.pcap", "icmpv6"): 48,  # IPv6 within IPv4, protocol 41
    ("zeek-tunnels-gre-sample.pcap", "icmp"): 10,
    ("zeek-tunnels-gre-within-gre.pcap", "icmp"): 624,
}


class Watching(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.watchers = self.folder / "watchers.cpp"
        self.watchers.write_text(WATCHERS)

    def seen(self, capture):
        """Outermost layers that are whole packets: Counter by filter. All frames, as `ip` and `not ip` count them."""
        run = replay.Run(capture, subscriptions=[self.watchers])
        self.assertEqual(run.status, 0, run.said)
        rows = [event["data"] for event in run.events("Seen") if event["data"]["depth"] == 0]
        for row in rows:
            if row["filter"] in NUMBERS:
                self.assertEqual(row["transport"], NUMBERS[row["filter"]])
        return Counter(row["filter"] for row in rows if row["status"] != "fragment"), \
            Counter(row["filter"] for row in rows)


@unittest.skipUnless(CAPTURES.is_dir(), f"*** no captures in {CAPTURES}; set IRIS_CAPTURES to the folder that has them ***")
class Shared(Watching):
    def captures(self):
        for truth_file in sorted(CAPTURES.glob("*.truth.json")):
            truth = json.loads(truth_file.read_text())
            yield CAPTURES / truth["file"], truth

    def test_transports(self):
        checked = 0
        for capture, truth in self.captures():
            layers = truth["frames_with_protocol"]
            if not any(name in layers for name in NUMBERS):
                continue
            with self.subTest(capture.name):
                whole, every = self.seen(capture)
                for name in NUMBERS:
                    self.assertEqual(whole[name], layers.get(name, 0) - INSIDE.get((capture.name, name), 0), name)
                self.assertEqual(every["ip"] + every["not ip"], truth["packets"])
                checked += 1
        self.assertGreaterEqual(checked, 8)

    def test_errors_that_hosts_were_told(self):
        run = replay.Run(CAPTURES / "zeek-smtp.pcap", subscriptions=[ICMP_ERRORS])
        self.assertEqual(run.status, 0, run.said)
        self.assertEqual([event["data"] for event in run.events()], 4 * [{
            "router": "192.168.1.1", "host": "10.10.1.4", "wanted": {"ip": "74.53.140.153", "port": 25},
            "transport": "Tcp", "ip_version": 4, "type": 3, "code": 4, "mtu": 1492}])

    def test_errors_are_about_conversations_of_the_capture(self):
        capture = CAPTURES / "ndpi-quic_interop_V.pcapng"
        truth = json.loads(capture.with_suffix(".truth.json").read_text())
        conversations = {frozenset((replay.endpoint(one["orig"]), replay.endpoint(one["resp"]))) for one in truth["udp"]}
        servers = set().union(*conversations)
        run = replay.Run(capture, subscriptions=[ICMP_ERRORS])
        self.assertEqual(run.status, 0, run.said)
        errors = [event["data"] for event in run.events()]
        self.assertEqual(len(errors), 31)
        for error in errors:
            self.assertEqual(error["transport"], "Udp")
            self.assertIn((error["wanted"]["ip"], error["wanted"]["port"]), servers, error)


def v4(protocol, content, fragment=0):
    return bytes(12) + b"\x08\x00" + bytes([0x45, 0, 0, 20 + len(content), 0, 0, fragment >> 8, fragment & 0xff, 64, protocol,
                                           0, 0, 192, 0, 2, 1, 192, 0, 2, 2]) + content


class Made(Watching):
    def test_what_no_capture_at_hand_has(self):
        hop_by_hop = bytes([58, 0, 5, 2, 0, 0, 1, 0])
        ipv6 = bytes(12) + b"\x86\xdd" + bytes([0x60, 0, 0, 0, 0, 16, 0, 1]) + bytes(32) + hop_by_hop + bytes([143] + 7 * [0])
        frames = [v4(132, bytes(12)), v4(50, bytes(24)), v4(50, bytes(24)), v4(47, bytes(4)), ipv6,
                  v4(1, bytes(8), fragment=0x2000), v4(89, bytes(24)), bytes(12) + b"\x08\x06" + bytes(46), bytes(3)]
        replay.write_pcap(self.folder / "made.pcap", [(1_000_000 + i, frame) for i, frame in enumerate(frames)])
        whole, every = self.seen(self.folder / "made.pcap")
        self.assertEqual(whole, Counter({"ip": 6, "not ip": 2, "esp": 2, "sctp": 1, "gre": 1, "icmpv6": 1}))
        self.assertEqual(every - whole, Counter({"ip": 1, "icmp": 1}))


if __name__ == "__main__":
    unittest.main(verbosity=2)
