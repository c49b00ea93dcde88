#!/usr/bin/env python3
"""Our analysis against what other engines say of the shared captures: Zeek's logs, nDPI's protocols and JA4, what
Suricata's tests check, and Arkime's sessions.

Their values were copied from those projects' own tests into the truth files; see shared_test.py for where the captures
are and what happens without them. What they say and we do not is listed here with its reason, and how often.
"""
import base64
import ipaddress
import json
import os
import sys
import unittest
from collections import Counter
from pathlib import Path

import replay

CAPTURES = Path(os.environ.get("IRIS_CAPTURES", replay.ROOT.parent / "shared" / "captures"))
SUBSCRIPTION = Path(__file__).resolve().parent / "engines.cpp"
ENGINES = ("zeek", "ndpi", "suricata", "arkime")

# Zeek's log -> (our record, Zeek's field -> our member)
LOGS = {
    "ssl": ("tls", {"version": "version", "cipher": "cipher", "server_name": "sni", "resumed": "resumed"}),
    "http": ("http", {"method": "method", "host": "host", "uri": "uri", "status_code": "status", "status_msg": "reason",
                      "version": "version", "user_agent": "user_agent", "referrer": "referrer", "trans_depth": "index",
                      "request_body_len": "request_body_bytes", "response_body_len": "response_body_bytes"}),
    "dns": ("dns", {"query": "query", "qtype": "qtype", "rcode": "rcode", "trans_id": "id", "AA": "authoritative",
                    "TC": "truncated", "RD": "recursion_desired", "RA": "recursion_available"}),
    "ssh": ("ssh", {"client": "client_version", "server": "server_version", "cipher_alg": "cipher", "mac_alg": "mac",
                    "kex_alg": "kex_algorithm", "host_key_alg": "host_key_algorithm",
                    "host_key_fingerprint": "host_key_fingerprint"}),
    "quic": ("quic", {"server_name": "sni", "client_initial_dcid": "client_dcid", "client_scid": "client_scid",
                      "version": "version"}),
}
SPELLED = {"T": "True", "F": "False", "(empty)": "", "TLSv10": "TLSv1.0", "TLSv11": "TLSv1.1", "TLSv12": "TLSv1.2",
           "TLSv13": "TLSv1.3", "quicv2": "2"}
# Suricata's type of event -> (our record, Suricata's field -> our member); how often which values occur is compared.
SURICATA = {
    "ssh": ("ssh", {"ssh.client.proto_version": "client_protocol", "ssh.client.software_version": "client_software",
                    "ssh.server.proto_version": "server_protocol", "ssh.server.software_version": "server_software"}),
    "http": ("Http", {"http.response_headers[0].value": "content_range"}),
    "flow": ("conn", {"app_proto_orig": "service"}),
    "dns": ("dns", {"dns.queries[0].rrname": "query"}),
}
NDPI = {"TLS": "tls", "HTTP": "http", "DNS": "dns", "MDNS": "dns", "LLMNR": "dns", "QUIC": "quic", "SSH": "ssh",
        "NTP": "ntp", "DHCP": "dhcp", "OpenVPN": "openvpn", "WireGuard": "wireguard"}

SIMPLE = "a request without a version, for which Zeek expects no head (HTTP/0.9): the response has one"
ACCEPTED = {  # (capture, log, field) -> (how many values of theirs we do not have, why)
    ("zeek-http-methods.pcap", "http", "uri"): (1, "OPTIONS HTTP/1.1: the target that is missing, or as tshark has it"),
    ("zeek-http-methods.pcap", "http", "status_code"): (8, SIMPLE),
    ("zeek-http-methods.pcap", "http", "status_msg"): (8, SIMPLE),
    ("zeek-http-methods.pcap", "http", "response_body_len"): (8, SIMPLE + ", which Zeek counts"),
    ("zeek-http-methods.pcap", "http", "version"): (11, "the response's: the request ends in HTTP/1. or is one word"),
    ("zeek-http-pipelined-requests.pcap", "http", "response_body_len"): (2, "gzip: Zeek counts decoded bytes"),
    ("zeek-mixed-vlan-mpls.pcap", "http", "status_code"): (1, "a response of HTTP/0.9 has none: Zeek writes 0"),
    ("zeek-mixed-vlan-mpls.pcap", "http", "status_msg"): (1, "as status_code: <empty>"),
    ("zeek-mixed-vlan-mpls.pcap", "http", "version"): (1, "the response's; the request says 1.0"),
    ("zeek-ssh-ssh_kex_mlkem.pcap", "ssh", "mac_alg"): (1, "Zeek takes it from the lists; the cipher has its own"),
    ("zeek-tunnels-gtp-gtp1_gn_normal_incl_fragmentation.pcap", "http", "uri"): (1, "Zeek decodes %-escapes"),
    ("zeek-tunnels-gtp-gtp1_gn_normal_incl_fragmentation.pcap", "http", "response_body_len"): (
        1, "Zeek counts bytes that are missing"),
    ("ndpi-1kxun.pcap", "ndpi", "proto"): (2, "TLS that was joined midway: encrypted records, no hello"),
    ("ndpi-1kxun.pcap", "ndpi", "JA4"): (4, "the SNI is an address: nDPI writes i, FoxIO's definition d"),
    ("ndpi-6in4tunnel.pcap", "ndpi", "JA4"): (1, "of spdy/3.1 nDPI takes sp, FoxIO's definition first and last: s1"),
    ("ndpi-quic-28.pcap", "ndpi", "JA4"): (1, "of h3-28 nDPI takes h3, FoxIO's definition first and last: h8"),
    ("ndpi-tls_with_huge_ch.pcapng", "ndpi", "JA4"): (1, "there is no SNI: nDPI writes d, FoxIO's definition i"),
    ("suri-dns-over-http2-post.pcap", "suricata", "dns"): (1, "inside bodies of HTTP"),
}


def ends(first, second):
    return frozenset((str(ipaddress.ip_address(ip)), int(port)) for ip, port in (first, second))


class Engines(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.differences, cls.agreed = {}, Counter()
        for truth_file in sorted(CAPTURES.glob("*.truth.json")):
            truth = json.loads(truth_file.read_text())
            if any(engine in truth for engine in ENGINES):
                capture = CAPTURES / truth["file"]
                run = replay.Run(capture, "--records", "conn,tls,http,dns,quic,ssh", subscriptions=[SUBSCRIPTION])
                rows = {}
                for event in run.events():
                    row = event["data"]
                    row["ends"] = ends(*((row[end]["ip"], row[end]["port"]) for end in ("originator", "responder")))
                    rows.setdefault(event["record"], []).append(row)
                for row in rows.get("ssh", []):
                    row |= next(more for more in rows["Ssh"] if more["ends"] == row["ends"])
                    # Zeek writes 24 of the digest's 32 bytes.
                    row["host_key_fingerprint"] = row["host_key_fingerprint"][:len("SHA256:") + 32]
                cls.compare_zeek(capture.name, truth.get("zeek", []), rows)
                cls.compare_ndpi(capture.name, truth.get("ndpi", {}).get("flows", []), rows)
                cls.compare_suricata(capture.name, truth.get("suricata", []), rows)
                cls.compare_arkime(capture.name, truth.get("arkime", {}).get("sessions", []), rows)

    @classmethod
    def compare(cls, key, theirs, ours):
        cls.agreed[key[1:]] += sum((theirs & ours).values())
        if theirs - ours:
            cls.differences[key] = max(cls.differences.get(key, Counter()), theirs - ours, key=Counter.total)

    @classmethod
    def compare_zeek(cls, name, tests, rows):
        quic = {row["ends"] for row in rows.get("quic", [])}  # Zeek logs the TLS inside QUIC as ssl, too
        for logs in (test["logs"] for test in tests):
            for log, entries in logs.items():
                log = log.split(".")[0]
                if log not in LOGS:
                    continue
                record, members = LOGS[log]
                for field, member in members.items():
                    theirs = Counter()
                    for entry in entries:
                        value = entry.get(field, "-")
                        if value == "-" or "id.orig_h" not in entry:
                            continue
                        key = ends(*((entry[f"id.{end}_h"], entry[f"id.{end}_p"]) for end in ("orig", "resp")))
                        if log != "ssl" or key not in quic:
                            value = str(int(value) - 1) if field == "trans_depth" else SPELLED.get(value, value)
                            theirs[key, value] += 1
                    ours = Counter((row["ends"], str(row[member])) for row in rows.get(record, []))
                    cls.compare((name, log, field), theirs, ours)

    @classmethod
    def compare_ndpi(cls, name, flows, rows):
        def end(text):
            return text.rpartition(":")[0].strip("[]"), text.rpartition(":")[2]
        services = Counter({(row["ends"], row["service"]): 99 for row in rows.get("conn", [])})
        prints = Counter((row["ends"], row["ja4"]) for kind in ("tls", "quic") for row in rows.get(kind, []))
        protocols, ja4 = Counter(), Counter()
        for flow in flows:
            key = ends(end(flow["src"]), end(flow["dst"]))
            protocol = NDPI.get(flow["proto"].split("/")[-1].split(".")[0])
            if protocol and flow["Confidence"] == "DPI":
                protocols[key, protocol] += 1
            if "JA4" in flow:
                ja4[key, flow["JA4"]] += 1
        cls.compare((name, "ndpi", "proto"), protocols, services)
        cls.compare((name, "ndpi", "JA4"), ja4, prints)

    @classmethod
    def compare_suricata(cls, name, tests, rows):
        for check in (check for test in tests for check in test["checks"] if check["count"]):
            kind = check["match"]["event_type"]
            if kind in SURICATA:
                record, members = SURICATA[kind]
                wanted = {member: {"http2": "http"}.get(check["match"][field], check["match"][field])
                          for field, member in members.items()}
                ours = sum(all(row[member] == value for member, value in wanted.items()) for row in rows.get(record, []))
                key = tuple(wanted.values())
                cls.compare((name, "suricata", kind), Counter({key: check["count"]}), Counter({key: ours}))

    @classmethod
    def compare_arkime(cls, name, sessions, rows):
        packets, prints = Counter(), Counter()
        for session in (one for one in sessions if one["ipProtocol"] in (6, 17)):
            sides = [session[side] for side in ("source", "destination")]
            key = ends(*((side["ip"], side["port"]) for side in sides))
            packets[key, *(side["packets"] for side in sides)] += 1
            if "ssh" in session:
                said = session["ssh"]
                prints[key, *said["hassh"], *said["hasshServer"], base64.b64decode(*said["key"]).hex()] += 1
        cls.compare((name, "arkime", "packets"), packets,
                    Counter((row["ends"], row["orig_packets"], row["resp_packets"]) for row in rows.get("conn", [])))
        cls.compare((name, "arkime", "ssh"), prints,
                    Counter((row["ends"], row["hassh"], row["hassh_server"], row["host_key"])
                            for row in rows.get("ssh", [])))

    def test_every_difference_is_known(self):
        for key in sorted(self.differences.keys() | ACCEPTED.keys()):
            with self.subTest(key):
                found = self.differences.get(key, Counter())
                self.assertEqual(found.total(), ACCEPTED.get(key, (0, ""))[0], found)

    def test_there_is_agreement_in_every_field(self):
        for log, (_, members) in LOGS.items():
            for field in members:
                if (log, field) != ("ssh", "mac_alg"):  # see ACCEPTED
                    self.assertTrue(self.agreed[log, field], (log, field))
        for key in (("ndpi", "proto"), ("ndpi", "JA4"), ("suricata", "ssh"), ("suricata", "http"), ("suricata", "flow"),
                    ("arkime", "packets"), ("arkime", "ssh")):
            self.assertTrue(self.agreed[key], key)


if __name__ == "__main__":
    if not CAPTURES.exists():
        print(f"*** SKIPPED: there is no {CAPTURES}; set IRIS_CAPTURES to the folder of captures ***", file=sys.stderr)
        sys.exit(replay.SKIPPED)
    unittest.main(verbosity=2)
