#!/usr/bin/env python3
"""`irisd replay` on the project's own recordings: what it finds, that it finds it again, and what it refuses."""
import json
import re
import tempfile
import unittest
from pathlib import Path

import replay
from replay import DATA, LOG_TLS, WEB_VOLUME, Run

BODIES = Path(__file__).resolve().parent / "bodies.cpp"
EITHER = Path(__file__).resolve().parent / "either.cpp"
NANOSECONDS_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")


class Scratch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="iris-capture-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def ends_well(self, run):
        self.assertEqual(run.status, 0, run.said)
        return run

    def is_refused(self, run, *words, status=1):
        """Ends with the status, and standard error has all the words."""
        self.assertEqual(run.status, status, run.said)
        for word in words:
            self.assertIn(str(word), run.said)


class Finds(Scratch):
    def check(self, name):
        self.assertEqual(replay.tls_facts(self.ends_well(Run(DATA / f"{name}.pcap"))), replay.own_truth(name))

    def test_demo(self):
        self.check("demo")

    def test_tls_1_2(self):
        self.check("tls12")

    def test_tls_1_3(self):
        self.check("tls13")

    def test_hellos_over_several_segments(self):
        self.check("tls-small-mtu")

    def test_no_tls_where_there_is_none(self):
        for name in ("http", "dns", "ssh"):
            with self.subTest(name):
                self.assertEqual(self.ends_well(Run(DATA / f"{name}.pcap")).output, b"")

    def test_several_files_in_one_run(self):
        run = self.ends_well(Run(DATA / "tls12.pcap", DATA / "tls13.pcap", DATA / "http.pcap"))
        self.assertEqual(replay.tls_facts(run), replay.own_truth("tls12") + replay.own_truth("tls13"))

    def test_every_web_connection_once(self):
        run = self.ends_well(Run(DATA / "http.pcap", subscriptions=[WEB_VOLUME]))
        rows = [event["data"] for event in run.events()]
        truth = json.loads((DATA / "http.truth.json").read_text())["http"]
        self.assertEqual(sorted((row["client"]["ip"], row["client"]["port"]) for row in rows),
                         sorted({replay.endpoint(one["originator"]) for one in truth}))
        self.assertTrue(all(row["bytes_up"] > 0 and row["bytes_down"] > 0 and row["end"] == "fin" for row in rows), rows)


    def test_tls_and_quic_alike(self):
        run = self.ends_well(Run(DATA / "tls13.pcap", DATA / "quic.pcap", DATA / "http.pcap", subscriptions=[EITHER]))
        told = {"Named": set(), "Printed": set(), "Either": set()}
        for event in run.events():
            row = event["data"]
            told[event["record"]].add(tuple((row[end]["ip"], row[end]["port"]) for end in ("originator", "responder")))
        facts = [fact for name, kind in (("tls13", "tls"), ("quic", "quic"))
                 for fact in json.loads((DATA / f"{name}.truth.json").read_text())[kind]]
        ends = lambda kept: {tuple(replay.endpoint(fact[end]) for end in ("originator", "responder")) for fact in kept}
        self.assertEqual(told["Either"], ends(facts))
        self.assertEqual(told["Named"], ends(fact for fact in facts if ".example." in fact["sni"]))
        self.assertEqual(told["Printed"], ends(fact for fact in facts if fact["sni"] and
                                               fact.get("version_name", "TLSv1.3") == "TLSv1.3"))

    def test_quic_whose_servers_are_seen_first(self):
        """As two taps may deliver it: of each connection the first datagram of the server before all of the client."""
        frames, first = [], {}
        for ts, frame in replay.packets(DATA / "quic.pcap"):
            way = frame[26:30] + frame[34:36], frame[30:34] + frame[36:38]  # IPv4 without options over Ethernet
            if way not in first and way[::-1] in first:
                at = next(n for n, (_, other) in enumerate(frames) if other is first[way[::-1]])
                frames.insert(at, (frames[at][0], frame))
            else:
                frames.append((ts, frame))
            first.setdefault(way, frame)
        replay.write_pcap(self.folder / "turned.pcap", frames)
        rows = {}
        for file in (DATA / "quic.pcap", self.folder / "turned.pcap"):
            for event in self.ends_well(Run(file, "--records", "quic", subscriptions=())).events():
                row = event["data"]
                ends = [(row[end]["ip"], row[end]["port"]) for end in ("originator", "responder")]
                del row["originator"], row["responder"]
                rows.setdefault(file.stem, {})[tuple(ends if file.stem == "quic" else ends[::-1])] = row
        self.assertTrue(rows["quic"])
        self.assertEqual(rows["turned"], rows["quic"])

    def test_every_piece_of_every_body(self):
        run = self.ends_well(Run(DATA / "http.pcap", subscriptions=[BODIES]))
        key = lambda row: (row["client"]["ip"], row["client"]["port"], row["index"])
        seen = {}
        for event in run.events("Piece"):
            row = event["data"]
            body = seen.setdefault((key(row), row["of_request"]), 0)
            self.assertEqual(row["offset"], body)
            self.assertTrue(row["ok"], row)
            seen[key(row), row["of_request"]] = body + row["size"]
        told = {}
        for event in run.events("Whole"):
            row = event["data"]
            told |= {(key(row), True): row["request"], (key(row), False): row["response"]}
        self.assertTrue(seen)
        self.assertEqual(seen, {body: size for body, size in told.items() if size})


class Speaks(Scratch):
    def test_events_are_lines_of_json_of_one_shape(self):
        events = self.ends_well(Run(DATA / "tls12.pcap")).events()
        self.assertTrue(events)
        for event in events:
            self.assertEqual(list(event), ["ts", "subscription", "record", "data"])
            self.assertRegex(event["ts"], NANOSECONDS_UTC)
            self.assertEqual((event["subscription"], event["record"]), ("log_tls", "Tls"))
            self.assertEqual(list(event["data"]), ["originator", "responder", "sni", "version", "cipher"])

    def test_summary_on_standard_error_counts_the_packets(self):
        count = sum(1 for _ in replay.packets(DATA / "tls12.pcap"))
        self.assertRegex(self.ends_well(Run(DATA / "tls12.pcap")).said, rf"\b{count}\b")

    def test_output_to_a_file(self):
        run = self.ends_well(Run(DATA / "tls12.pcap", "--output", self.folder / "events.jsonl"))
        self.assertEqual(run.output, b"")
        self.assertEqual((self.folder / "events.jsonl").read_bytes(), Run(DATA / "tls12.pcap").output)

    def test_output_to_standard_output_by_name(self):
        self.assertEqual(self.ends_well(Run(DATA / "tls12.pcap", "--output", "-")).output,
                         Run(DATA / "tls12.pcap").output)


class Repeats(Scratch):
    def test_two_runs_are_the_same_to_the_byte(self):
        runs = [self.ends_well(Run(DATA / "demo.pcap", subscriptions=[LOG_TLS, WEB_VOLUME])) for _ in range(2)]
        self.assertTrue(runs[0].output)
        self.assertEqual(runs[0].output, runs[1].output)

    def test_a_subscription_says_the_same_alone_and_in_company(self):
        both = self.ends_well(Run(DATA / "demo.pcap", subscriptions=[WEB_VOLUME, LOG_TLS]))
        for source in (LOG_TLS, WEB_VOLUME):
            alone = self.ends_well(Run(DATA / "demo.pcap", subscriptions=[source]))
            mine = [event for event in both.events() if event["subscription"] == source.stem]
            self.assertEqual(mine, alone.events())

    def test_every_spelling_of_a_capture_file_is_the_same_capture(self):
        frames = list(replay.packets(DATA / "tls13.pcap"))
        expected = self.ends_well(Run(DATA / "tls13.pcap")).output
        replay.write_pcapng(self.folder / "ng.pcapng", frames)
        replay.write_pcap(self.folder / "big-endian.pcap", frames, order=">")
        replay.write_pcap(self.folder / "nanoseconds.pcap", frames, nanoseconds=True)
        for file in sorted(self.folder.iterdir()):
            with self.subTest(file.name):
                self.assertEqual(self.ends_well(Run(file)).output, expected)


class Refuses(Scratch):
    def test_a_missing_file(self):
        self.is_refused(Run(self.folder / "absent.pcap"), "absent.pcap", "No such file")

    def test_a_missing_file_among_others_before_anything_is_read(self):
        run = Run(DATA / "tls12.pcap", self.folder / "absent.pcap")
        self.is_refused(run, "absent.pcap")
        self.assertEqual(run.output, b"")

    def test_a_folder(self):
        self.is_refused(Run(self.folder), self.folder.name)

    def test_an_empty_file(self):
        (self.folder / "empty.pcap").touch()
        self.is_refused(Run(self.folder / "empty.pcap"), "empty.pcap")

    def test_a_file_cut_off_within_a_packet(self):
        whole = (DATA / "tls12.pcap").read_bytes()
        (self.folder / "cut.pcap").write_bytes(whole[:len(whole) // 2 + 1])
        run = Run(self.folder / "cut.pcap")
        self.is_refused(run, "cut.pcap")
        missing = replay.own_truth("tls12") - replay.tls_facts(run)
        self.assertFalse(replay.tls_facts(run) - replay.own_truth("tls12"), "invented what the file does not have")
        self.assertLess(missing.total(), replay.own_truth("tls12").total(), "forgot what came before the cut")

    def test_something_else_than_a_capture(self):
        (self.folder / "garbage.pcap").write_bytes(bytes(range(256)) * 64)
        self.is_refused(Run(self.folder / "garbage.pcap"), "garbage.pcap")

    def test_a_link_layer_that_it_does_not_decode(self):
        replay.write_pcap(self.folder / "user0.pcap", replay.packets(DATA / "dns.pcap"), link_type=147)
        self.is_refused(Run(self.folder / "user0.pcap"), "user0.pcap", "link")

    def test_an_output_that_cannot_be_written(self):
        self.is_refused(Run(DATA / "dns.pcap", "--output", self.folder / "absent" / "events.jsonl"), "events.jsonl")

    def test_a_subscription_that_is_not_there(self):
        self.is_refused(Run(DATA / "dns.pcap", subscriptions=[self.folder / "absent.cpp"]), "absent.cpp")

    def test_a_subscription_that_does_not_compile(self):
        (self.folder / "wrong.cpp").write_text("#include <iris/iris.hpp>\nIRIS_CALLBACK(\"tls\")\n"
                                               "void f(const iris::TlsHandshake& tls) { tls.snj(); }\n")
        run = Run(DATA / "dns.pcap", subscriptions=[self.folder / "wrong.cpp"])
        self.is_refused(run, "snj", "^")
        self.assertRegex(run.said, r"wrong\.cpp:3:\d+: error: ")

    def test_a_filter_that_is_none(self):
        (self.folder / "wrong.cpp").write_text("#include <iris/iris.hpp>\nIRIS_CALLBACK(\"tls.snj = 'a'\")\n"
                                               "void f(const iris::TlsHandshake&) {}\n")
        run = Run(DATA / "dns.pcap", subscriptions=[self.folder / "wrong.cpp"])
        self.is_refused(run, "snj")
        self.assertRegex(run.said, r"wrong\.cpp:2:\d+: error: ")

    def test_wrong_usage(self):
        self.is_refused(Run(), status=2)
        self.is_refused(Run(DATA / "dns.pcap", "--no-such-option"), "--no-such-option", status=2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
