#!/usr/bin/env python3
"""Several workers over one capture say, byte for byte, what one says: of connections, of streams, of packets by
themselves, of fragments, and of what is inside tunnels.

Our own recordings, and where they are (see shared_test.py) all shared captures.
"""
import tempfile
import unittest
from pathlib import Path

import replay
from shared_test import CAPTURES

CORES = (2, 3, 8)
STREAMS = Path(__file__).resolve().parent / "streams.cpp"
FRAMES = """#include <iris/iris.hpp>
struct Seen { iris::FrameStatus status; std::uint8_t depth; std::size_t bytes; };
IRIS_CALLBACK("") IRIS_ON(Packet) void see(const iris::Frame& f) { iris::emit(Seen{f.status, f.depth, f.bytes.size()}); }
"""


def captures():
    shared = sorted(CAPTURES.iterdir()) if CAPTURES.is_dir() else []
    return [path for path in [*sorted(replay.DATA.iterdir()), *shared] if path.suffix in (".pcap", ".pcapng")]


class Cores(unittest.TestCase):
    def test_any_number_says_the_same(self):
        with tempfile.TemporaryDirectory() as folder:
            frames = Path(folder) / "frames.cpp"
            frames.write_text(FRAMES)
            # In one run, one after the other: connections of one capture go on into the next.
            files = captures()
            self.assertTrue(files)

            def say(cores):
                run = replay.Run(*files, "--records", "conn", "--cores", cores,
                                 subscriptions=[STREAMS, frames, replay.LOG_TLS])
                self.assertEqual(run.status, 0, run.said)
                self.assertIn(" 0 dropped", run.said)
                return run.output

            alone = say(1)
            self.assertGreater(alone.count(b"\n"), 1000)
            for cores in CORES:
                with self.subTest(cores=cores):
                    self.assertTrue(say(cores) == alone, "the events differ, or their order")


if __name__ == "__main__":
    unittest.main(verbosity=2)
