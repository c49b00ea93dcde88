#!/usr/bin/env python3
"""Real TLS between a real nginx and real curls, seen by a real irisd through DPDK's af_packet port.

Every connection that a curl tells of must be there exactly once, with its name, version and cipher; also while other
subscriptions come and go. Needs root, for network namespaces; without it this test says so and counts as skipped.
"""
import json
import signal
import subprocess
import sys
import tempfile
import threading
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
SWAPS = 50
PORT = f"net_af_packet0,iface={netns.INTERFACE},blocksz=1048576,framesz=2048,framecnt=65536"

# Sources unlike log_tls and unlike each other: other filters, events, data types and state.
OTHERS = ("""
struct Seen {{ std::string_view sni; }};
IRIS_CALLBACK("tls.sni contains 'host{n}'")
void other(const iris::TlsHandshake& tls) {{ iris::emit(Seen{{tls.sni()}}); }}
""", """
struct Ended {{ iris::FiveTuple flow; std::uint64_t packets; }};
IRIS_CALLBACK("tcp.port = {n} or tcp.port = 443")
void other(const iris::ConnRecord& conn) {{ iris::emit(Ended{{conn.tuple, conn.originator.packets}}); }}
""", """
struct Total {{ std::uint64_t bytes; }};
struct IRIS_CALLBACK("tls") Volume {{
  std::uint64_t bytes = {n};
  IRIS_ON(InL4Conn) void update(const iris::L4Pdu& pdu) {{ bytes += pdu.payload.size(); }}
  IRIS_ON(L4Terminated) void end() {{ iris::emit(Total{{bytes}}); }}
}};
""", """
struct Begun {{ iris::Endpoint responder; }};
IRIS_CALLBACK("ipv4.addr in 192.0.2.0/24 and not tcp.port = {n}")
void other(const iris::FiveTuple& flow) {{ iris::emit(Begun{{flow.responder}}); }}
""")


class Traffic(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = tempfile.TemporaryDirectory(prefix="iris-live-")
        cls.addClassCleanup(cls.files.cleanup)
        cls.cable = netns.Cable()
        cls.addClassCleanup(cls.cable.close)
        servers.nginx(cls.cable.server, cls.files.name)

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="iris-live-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.irisd = daemon.Irisd(self.folder, self.cable.server, ports=[{"device": PORT}]).start()
        self.addCleanup(self.irisd.stop)

    def succeed(self, *words):
        ran = self.irisd.ctl(*words)
        self.assertEqual(ran.returncode, 0, f"irisctl {words}: {ran.stdout}{ran.stderr}\n{self.irisd.said()}")
        return ran.stdout

    def request(self, name):
        """One curl; what it tells, as log_tls would."""
        told, _ = clients.curl(self.cable.client, f"https://{name}/small.txt", "--insecure", to=netns.SERVERS[0])
        ends = ({"ip": ip, "port": int(port)} for ip, port in (told[end].split(":") for end in ("originator",
                                                                                                  "responder")))
        return dict(zip(("originator", "responder"), ends)) | {key: told[key] for key in ("sni", "version", "cipher")}

    def requests(self, prefix, before_each=lambda n: None):
        """REQUESTS of them, a few at a time, each with a name of its own."""
        def one(n):
            before_each(n)
            return self.request(f"{prefix}{n:03}.example.test")

        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(one, range(REQUESTS)))

    def assert_each_once(self, told, events):
        """`events` returns what was seen until now; it has a moment to become complete, and one to become too much."""
        daemon.until(lambda: len(events()) >= len(told), 20)
        time.sleep(1)
        expected, seen = (Counter(json.dumps(fact, sort_keys=True) for fact in facts) for facts in (told, events()))
        status = self.irisd.ctl("status").stdout
        self.assertEqual((expected - seen, seen - expected), (Counter(), Counter()), f"(missing, too much)\n{status}")
        self.assertEqual(len({fact["sni"] for fact in told}), REQUESTS)

    def tail(self, name):
        """Starts `irisctl tail` and returns when it follows, with a function that tells the events so far."""
        file = self.folder / "tail.jsonl"
        with open(file, "w", encoding="utf-8") as out:
            process = subprocess.Popen(self.irisd.ctl_command("tail", name), stdin=subprocess.DEVNULL, stdout=out)
        self.addCleanup(netns.stop, process)

        def events():
            lines = [line for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]
            return [json.loads(line)["data"] for line in lines]

        for n in range(100):
            self.request(f"begin{n}.example.test")
            if daemon.until(events, 0.5):
                return events
        self.fail(f"irisctl tail {name} shows nothing")

    def test_each_connection_once_in_file_and_tail(self):
        self.succeed("add", daemon.LOG_TLS)
        tailed = self.tail("log_tls")

        def without_beginning(events):
            return [event for event in events if event["sni"].startswith("host")]

        told = self.requests("host")
        self.assert_each_once(told, lambda: without_beginning(self.irisd.events("log_tls")))
        self.assert_each_once(told, lambda: without_beginning(tailed()))
        self.assertEqual(self.irisd.stop(), 0, self.irisd.said())

    def test_each_connection_once_while_others_come_and_go(self):
        self.succeed("add", daemon.LOG_TLS)
        due = threading.Semaphore(0)  # requests that may begin: some with every swap, so that they run through all
        per_swap = REQUESTS // SWAPS

        def swap(n):
            source = self.folder / f"other{n}.cpp"
            source.write_text("#include <iris/iris.hpp>\n" + OTHERS[n % len(OTHERS)].format(n=n))
            due.release(per_swap)
            self.succeed("add", source, "--name", f"other{n}")
            if n:
                self.succeed("remove", f"other{n - 1}")

        with ThreadPoolExecutor(1) as pool:
            told = pool.submit(self.requests, "host", lambda _: due.acquire(timeout=daemon.PATIENCE))
            for n in range(SWAPS):
                swap(n)
            self.succeed("remove", f"other{SWAPS - 1}")
            told = told.result()
        self.assert_each_once(told, lambda: self.irisd.events("log_tls"))
        self.assertEqual(self.irisd.ctl("show", f"other{SWAPS - 1}").returncode, 1)

    def test_what_was_removed_is_silent_and_can_be_added_again(self):
        self.succeed("add", daemon.LOG_TLS)
        before = self.request("before.example.test")
        self.assertTrue(daemon.until(lambda: self.irisd.events("log_tls") == [before]), self.irisd.said())
        self.succeed("remove", "log_tls")
        self.request("between.example.test")
        self.succeed("add", daemon.LOG_TLS)
        after = self.request("after.example.test")
        daemon.until(lambda: len(self.irisd.events("log_tls")) >= 2, 20)
        time.sleep(1)
        self.assertEqual(self.irisd.events("log_tls"), [before, after])

    def ends_cleanly_under_traffic(self, number):
        self.succeed("add", daemon.LOG_TLS)
        over = threading.Event()

        def keep_on():
            while not over.is_set():
                self.request("flow.example.test")

        with ThreadPoolExecutor(1) as pool:
            flow = pool.submit(keep_on)
            try:
                self.assertTrue(daemon.until(lambda: self.irisd.events("log_tls")), self.irisd.said())
                below = daemon.children(self.irisd.process.pid)
                self.assertEqual(self.irisd.stop(number), 0, self.irisd.said())
            finally:
                over.set()
            flow.result()
        self.assertFalse(self.irisd.socket.exists())
        self.assertFalse([pid for pid in below if daemon.runs(pid)])
        self.assertTrue(self.irisd.output.read_text().endswith("}\n"), "the last event is not whole")

    def test_sigterm_under_traffic(self):
        self.ends_cleanly_under_traffic(signal.SIGTERM)

    def test_sigint_under_traffic(self):
        self.ends_cleanly_under_traffic(signal.SIGINT)


if __name__ == "__main__":
    reason = netns.unusable()
    if reason:
        print(f"*** SKIPPED: {reason} ***", file=sys.stderr)
        sys.exit(daemon.SKIPPED)
    netns.exit_on_signals()
    unittest.main(verbosity=2)
