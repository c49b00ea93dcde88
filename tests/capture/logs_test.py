#!/usr/bin/env python3
"""The default analysis on the project's own recordings: each record, member by member, against what the clients and
servers said while they were recorded. Nothing is missing, nothing is invented.
"""
import json
import unittest

import replay
from replay import DATA, Run

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33}
RCODES = {"NOERROR": 0, "SERVFAIL": 2, "NXDOMAIN": 3, "REFUSED": 5}


def name(text):
    """A DNS name as dig prints it, with the root's dot -> as we write it"""
    return text if text == "." else text.rstrip(".")


def data_of(kind, text):
    return " ".join(name(word) for word in text.split(" ")) if kind in ("CNAME", "MX", "NS", "PTR", "SRV") else text


def expected_tls(fact):
    wanted = {"sni": fact["sni"] or None, "version": {"TLSv1": "TLSv1.0"}.get(fact["version_name"],
                                                                              fact["version_name"]),
              "cipher": fact["cipher_name"]}
    if "resumed" in fact:
        wanted["resumed"] = fact["resumed"]
    if "alpn" in fact and wanted["version"] != "TLSv1.3":  # 1.3 encrypts what the server chose (RFC 8446, 4.3.1)
        wanted["alpn"] = fact["alpn"]
    if "certificate_sha256" in fact:
        wanted["certificate_sha256"] = fact["certificate_sha256"]
    return wanted


def expected_http(fact):
    wanted = {member: fact.get(member) for member in (
        "method", "uri", "host", "user_agent", "status", "request_content_type", "response_content_type")}
    if "index" in fact:
        wanted["index"] = fact["index"]
    if "reason" in fact:
        wanted |= {"reason": fact["reason"], "version": fact["version"].removeprefix("HTTP/")}
    if "response_body_bytes" in fact:
        wanted["response_body_bytes"] = fact["response_body_bytes"]
    return wanted


def expected_dns(fact):
    # Names are lower case in our records, and as they were sent in dig's.
    return {"id": fact["id"], "query": name(fact["query"]).lower(), "qtype": TYPES[fact["qtype"]], "qclass": 1,
            "transport": fact["transport"], "rcode": RCODES[fact["rcode"]],
            "answers": [{"name": name(one["name"]).lower(), "type": TYPES[one["type"]], "ttl": one["ttl"],
                         "data": data_of(one["type"], one["data"])} for one in fact["answers"]]} | {
                member: fact[member] for member in ("authoritative", "truncated", "recursion_desired",
                                                    "recursion_available")}


def expected_ssh(fact):
    implicit = fact["mac"] == "<implicit>"  # the cipher authenticates by itself
    return {member: value for member, value in fact.items() if member not in ("originator", "responder")} | (
        {"mac": None} if implicit else {})


def expected_quic(fact):
    return {member: value for member, value in fact.items() if member not in ("originator", "responder")}


EXPECTED = {"tls": expected_tls, "http": expected_http, "dns": expected_dns, "quic": expected_quic,
            "ssh": expected_ssh}


def ends(fact):
    return tuple(replay.endpoint(fact[end]) for end in ("originator", "responder"))


class Mqtt(unittest.TestCase):
    maxDiff = None

    def test_every_exchange(self):
        """Not among the default records; the broker said who connected, published and subscribed."""
        truth = json.loads((DATA / "mqtt.truth.json").read_text())["mqtt"]
        run = Run(DATA / "mqtt.pcap", subscriptions=[replay.ROOT / "tests" / "capture" / "mqtt.cpp"])
        self.assertEqual(run.status, 0, run.said)
        told = {}
        for event in run.events():
            row = event["data"]
            told.setdefault((row["client"]["ip"], row["client"]["port"]), []).append((event["record"], row))
        self.assertEqual(len(told), len(truth))
        for fact in truth:
            rows = told[replay.endpoint(fact["originator"])]
            connect, = [row for record, row in rows if record == "Connect"]
            self.assertEqual({member: connect[member] for member in connect if member != "client"},
                             {member: fact[member] for member in ("client_id", "version", "keep_alive", "clean",
                                                                  "username")})
            for record, member in (("Publish", "published"), ("Subscribe", "subscribed")):
                self.assertEqual([{key: row[key] for key in row if key != "client"} for kind, row in rows
                                  if kind == record], fact[member])


class Logs(unittest.TestCase):
    maxDiff = None

    def check(self, recording):
        truth = json.loads((DATA / f"{recording}.truth.json").read_text())
        del truth["file"]
        run = Run(DATA / f"{recording}.pcap", "--records", "conn,tls,http,dns,quic,ssh", subscriptions=())
        self.assertEqual(run.status, 0, run.said)
        for family in EXPECTED:
            rows = {}
            for event in run.events(family):
                row = event["data"]
                key = tuple((row[end]["ip"], row[end]["port"]) for end in ("originator", "responder"))
                rows.setdefault(key, []).append(row)
            facts = {}
            for fact in truth.get(family, []):
                facts.setdefault(ends(fact), []).append(fact)
            self.assertEqual(sorted(rows), sorted(facts), family)
            for key, expected in facts.items():
                self.assertEqual(len(rows[key]), len(expected), (family, key))
                if any("uri" in fact and "index" not in fact for fact in expected):  # HTTP/2 answers in any order
                    expected.sort(key=lambda fact: fact["uri"])
                    rows[key].sort(key=lambda row: row["uri"])
                for row, fact in zip(rows[key], expected):
                    wanted = EXPECTED[family](fact)
                    if row.get("certificates"):
                        row["certificate_sha256"] = row["certificates"][0]["sha256"]
                    with self.subTest(family, ends=key):
                        self.assertEqual({member: row.get(member) for member in wanted}, wanted)


for path in sorted(DATA.glob("*.truth.json")):
    recording = path.name.removesuffix(".truth.json")
    if recording == "mqtt":
        continue
    setattr(Logs, f"test_{recording.replace('-', '_')}", lambda self, recording=recording: self.check(recording))

if __name__ == "__main__":
    unittest.main(verbosity=2)
