#!/usr/bin/env python3
"""A resident irisd and what it refuses: recorded traffic instead of a NIC, no privileges needed.

Whatever is refused must be refused with a reason on standard error and exit status 1 (2: wrong usage), and must leave
what runs undisturbed.
"""
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import daemon
from daemon import LOG_TLS

SLOW = """
#include <iris/iris.hpp>
#include <functional>
#include <map>
#include <regex>
#include <unordered_map>
template <unsigned N> struct Deep : Deep<N - 1> { std::map<Deep<N - 1>*, std::function<void(Deep*)>> members; };
template <> struct Deep<0> {};
struct Row { std::uint64_t size; };
IRIS_CALLBACK("tls")
void slow(const iris::TlsHandshake& tls) {
  static std::regex pattern("a+b");
  Deep<200> deep;
  iris::emit(Row{deep.members.size() + std::regex_match(std::string(tls.sni()), pattern)});
}
"""


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="iris-live-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.irisd = self.daemon()

    def daemon(self, **config):
        made = daemon.Irisd(self.folder, **({"play": {"capture": str(daemon.DEMO)}} | config))
        self.addCleanup(made.stop)
        return made

    def source(self, name, text):
        (self.folder / name).write_text(text)
        return self.folder / name

    def succeeds(self, *words):
        ran = self.irisd.ctl(*words)
        self.assertEqual(ran.returncode, 0, f"irisctl {words}: {ran.stdout}{ran.stderr}\n{self.irisd.said()}")
        return ran.stdout

    def assert_refused(self, ran, *words, status=1):
        self.assertEqual(ran.returncode, status, f"{ran.args}: {ran.stdout}{ran.stderr}")
        self.assertTrue(ran.stderr.strip(), f"{ran.args} gives no reason")
        for word in words:
            self.assertIn(str(word), ran.stderr)

    def assert_still_runs(self, name="log_tls"):
        """New events of the subscription keep coming."""
        before = len(self.irisd.events(name))
        self.assertTrue(daemon.until(lambda: len(self.irisd.events(name)) > before), self.irisd.said())


class Subscriptions(Case):
    def setUp(self):
        super().setUp()
        self.irisd.start()
        self.succeeds("add", LOG_TLS)

    def test_add_list_show_remove(self):
        self.assertIn("log_tls", self.succeeds("list"))
        self.assertIn("IRIS_CALLBACK", self.succeeds("show", "log_tls"))
        self.assert_still_runs()
        self.succeeds("remove", "log_tls")
        self.assertNotIn("log_tls", self.succeeds("list"))

    def test_a_name_that_is_in_use(self):
        self.assert_refused(self.irisd.ctl("add", LOG_TLS), "log_tls")
        self.assert_still_runs()
        self.succeeds("add", LOG_TLS, "--name", "again")
        self.assert_still_runs("again")

    def test_a_name_that_is_none(self):
        self.assert_refused(self.irisd.ctl("add", LOG_TLS, "--name", "a/b"), "a/b")

    def test_removing_a_name_that_is_not_known(self):
        self.assert_refused(self.irisd.ctl("remove", "lgo_tls"), "lgo_tls", "log_tls")
        self.assert_refused(self.irisd.ctl("show", "lgo_tls"), "lgo_tls", "log_tls")
        self.assert_refused(self.irisd.ctl("tail", "lgo_tls"), "lgo_tls", "log_tls")
        self.assert_still_runs()

    def test_a_source_that_does_not_compile(self):
        wrong = self.source("wrong.cpp", "#include <iris/iris.hpp>\nIRIS_CALLBACK(\"tls\")\n"
                                         "void f(const iris::TlsHandshake& tls) { tls.snj(); }\n")
        for verb in ("add", "check"):
            ran = self.irisd.ctl(verb, wrong)
            self.assert_refused(ran, "snj", "^")
            self.assertRegex(ran.stdout + ran.stderr, r"wrong\.cpp:3:\d+: error: ")
        self.assertNotIn("wrong", self.succeeds("list"))
        self.assert_still_runs()

    def test_a_source_without_a_subscription(self):
        self.assert_refused(self.irisd.ctl("add", self.source("empty.cpp", "int number = 1;\n")), "empty.cpp")

    def test_a_source_that_is_not_there(self):
        self.assert_refused(self.irisd.ctl("add", self.folder / "absent.cpp"), "absent.cpp")

    def test_check_adds_nothing(self):
        self.succeeds("check", LOG_TLS)
        self.succeeds("remove", "log_tls")
        self.succeeds("check", LOG_TLS)
        self.assertNotIn("log_tls", self.succeeds("list"))

    def test_tail_ends_when_its_subscription_is_removed(self):
        tail = subprocess.Popen(self.irisd.ctl_command("tail", "log_tls"), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, text=True)
        self.addCleanup(tail.stdout.close)
        self.addCleanup(daemon.netns.stop, tail)
        self.assertIn('"record":"Tls"', tail.stdout.readline().replace(" ", ""))
        self.succeeds("remove", "log_tls")
        rest = tail.stdout.read()
        self.assertTrue(rest == "" or rest.endswith("\n"), "the last event is not whole")
        self.assertEqual(tail.wait(daemon.PATIENCE), 0)


class Usage(Case):
    def test_irisctl_without_a_daemon(self):
        for words in (("status",), ("list",), ("add", LOG_TLS), ("tail", "log_tls")):
            self.assert_refused(self.irisd.ctl(*words), self.irisd.socket)

    def test_wrong_usage(self):
        for program, words in (("irisd", ["--no-such-option"]), ("irisd", ["--config"]), ("irisctl", []),
                               ("irisctl", ["no-such-command"]), ("irisctl", ["add"]), ("irisctl", ["remove"])):
            ran = subprocess.run([daemon.BIN / program, *words], stdin=subprocess.DEVNULL, capture_output=True,
                                 text=True, timeout=daemon.PATIENCE)
            self.assert_refused(ran, status=2)

    def test_help_and_version(self):
        for program in ("irisd", "irisctl"):
            for option in ("--help", "--version"):
                ran = subprocess.run([daemon.BIN / program, option], stdin=subprocess.DEVNULL, capture_output=True,
                                     text=True, timeout=daemon.PATIENCE)
                self.assertEqual((ran.returncode, ran.stderr), (0, ""), f"{program} {option}")
                self.assertTrue(ran.stdout.strip())


class Start(Case):
    def test_configurations_with_faults(self):
        for fault, *words in (({"portz": []}, "portz"), ({"workers": {"count": "two"}}, "workers.count"),
                              ({"workers": {"count": 0}}, "workers.count"), ({"ports": [{}]}, "ports[0]", "device"),
                              ({"play": {"capture": str(self.folder / "absent.pcap")}}, "absent.pcap")):
            with self.subTest(fault):
                self.assert_refused(self.daemon(**fault).run(), *words)
                self.assertFalse(self.irisd.socket.exists())

    def test_a_configuration_that_is_no_json_or_not_there(self):
        for file in (self.source("broken.json", '{"ports": [}'), self.folder / "absent.json"):
            ran = subprocess.run([daemon.BIN / "irisd", "--config", file], stdin=subprocess.DEVNULL,
                                 capture_output=True, text=True, timeout=daemon.PATIENCE)
            self.assert_refused(ran, file)

    def test_a_replay_follows_a_configuration_or_refuses_it(self):
        root = Path(__file__).resolve().parents[2]
        replay = [daemon.BIN / "irisd", "replay", root / "tests/data/demo.pcap", "--output", self.folder / "out.jsonl",
                  "--subscription", root / "subscriptions/log_tls/log_tls.cpp", "--config"]
        begun = []
        for text, status in (('{"connections": {"midstream": "sometimes"}}', 1), ('{}', 0),
                             ('{"connections": {"tcp_inactivity_seconds": 0.001, "tcp_establish_seconds": 0.001, '
                              '"tcp_linger_seconds": 0.001}}', 0)):
            ran = subprocess.run([*replay, self.source("replay.json", text)], stdin=subprocess.DEVNULL,
                                 capture_output=True, text=True, timeout=daemon.PATIENCE)
            self.assertEqual(ran.returncode, status, ran.stderr)
            if status == 0:
                begun.append(int(ran.stderr.split(" connections")[0].split()[-1]))
            else:
                self.assertIn("connections.midstream: expected", ran.stderr)
        self.assertGreater(begun[1], begun[0])  # pauses split connections

    def test_a_port_that_does_not_exist(self):
        ran = self.daemon(ports=[{"device": "net_af_packet0,iface=absent0"}]).run()
        self.assert_refused(ran, "net_af_packet0")
        self.assertFalse(self.irisd.socket.exists())

    def test_a_second_daemon_on_the_same_socket(self):
        self.irisd.start()
        self.succeeds("add", LOG_TLS)
        self.assert_refused(self.daemon().run(), self.irisd.socket)
        self.assert_still_runs()

    def test_a_socket_that_nobody_listens_on_is_taken_over(self):
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(self.irisd.socket))
        self.irisd.start()
        self.assertEqual(self.irisd.stop(), 0, self.irisd.said())

    def test_a_file_where_the_socket_should_be_is_kept(self):
        self.irisd.socket.write_text("not a socket")
        self.assert_refused(self.irisd.run(), self.irisd.socket)
        self.assertEqual(self.irisd.socket.read_text(), "not a socket")

    def test_a_killed_daemon_leaves_no_process_and_its_place(self):
        self.irisd.start()
        self.succeeds("add", LOG_TLS)
        below = daemon.children(self.irisd.process.pid)
        self.irisd.stop(signal.SIGKILL)
        self.assertTrue(daemon.until(lambda: not any(map(daemon.runs, below)), 10), "a child outlived irisd")
        self.irisd.start()
        self.succeeds("add", LOG_TLS)
        self.assert_still_runs()


class Stop(Case):
    def setUp(self):
        super().setUp()
        self.irisd.start()

    def assert_ends_cleanly(self, number):
        below = daemon.children(self.irisd.process.pid)
        self.assertEqual(self.irisd.stop(number), 0, self.irisd.said())
        self.assertFalse(self.irisd.socket.exists())
        self.assertFalse([pid for pid in below if daemon.runs(pid)], "a child outlived irisd")

    def test_idle(self):
        self.assert_ends_cleanly(signal.SIGTERM)

    def test_under_traffic(self):
        self.succeeds("add", LOG_TLS)
        self.assert_still_runs()
        self.assert_ends_cleanly(signal.SIGINT)
        self.assertTrue(self.irisd.output.read_text().endswith("}\n"), "the last event is not whole")

    def test_during_a_compile(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            if self.irisd.process.poll() is not None:
                self.irisd.start()
            add = subprocess.Popen(self.irisd.ctl_command("add", self.source("slow.cpp", SLOW)),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            time.sleep(0.3)
            self.assert_ends_cleanly(number)
            _, reason = add.communicate(timeout=daemon.PATIENCE)
            self.assertTrue(add.returncode == 0 or (add.returncode == 1 and reason.strip()), reason)

    def test_with_a_client_that_follows(self):
        self.succeeds("add", LOG_TLS)
        tail = subprocess.Popen(self.irisd.ctl_command("tail", "log_tls"), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(daemon.netns.stop, tail)
        self.assertTrue(tail.stdout.readline())
        self.assert_ends_cleanly(signal.SIGTERM)
        _, reason = tail.communicate(timeout=daemon.PATIENCE)
        self.assertIn(tail.returncode, (0, 1), reason)


if __name__ == "__main__":
    unittest.main(verbosity=2)
