#!/usr/bin/env python3
"""Our analysis against what other engines say of the shared captures: Zeek's logs, what nDPI's results show, what
Suricata's tests check, and Arkime's sessions.

Their values were copied from those projects' own tests into the truth files; see shared_test.py for where the captures
are and what happens without them. What they say and we do not is listed here with its reason, and how often.
"""
import base64
import ipaddress
import json
import os
import re
import sys
import unittest
from collections import Counter
from datetime import datetime
from pathlib import Path

import replay

CAPTURES = Path(os.environ.get("IRIS_CAPTURES", replay.ROOT.parent / "shared" / "captures"))
SUBSCRIPTION = Path(__file__).resolve().parent / "engines.cpp"
ENGINES = ("zeek", "ndpi", "suricata", "arkime")


def answer(data):
    """Of a TXT record, Zeek's spelling."""
    strings = re.findall(r'"([^"]*)"', data)
    return " ".join(f"TXT {len(one)} {one}" for one in strings) or data


def seconds(time):
    return f"{datetime.fromisoformat(time[:19] + '+00:00').timestamp():.6f}"


# Zeek's log -> (our record, Zeek's field -> our member, or what makes Zeek's value of our row)
LOGS = {
    "ssl": ("tls", {"version": "version", "cipher": "cipher", "server_name": "sni", "resumed": "resumed",
                    "cert_chain_fps": lambda row: ",".join(one["sha256"] for one in row["certificates"])}),
    "ssl in quic": ("quic", {"version": "tls_version", "cipher": "tls_cipher", "server_name": "sni",
                             "resumed": "resumed", "curve": lambda row: {29: "x25519"}.get(row["group"])}),
    "x509": ("Certificate", {
        "certificate.serial": lambda row: row["serial"].upper(), "certificate.subject": "subject",
        "certificate.issuer": "issuer", "certificate.not_valid_before": lambda row: seconds(row["not_before"]),
        "certificate.not_valid_after": lambda row: seconds(row["not_after"]), "certificate.key_length": "key_bits",
        "certificate.key_type": lambda row: row["key_type"].lower(),
        "san.dns": lambda row: ",".join(row["dns_names"])}),
    "http": ("http", {"method": "method", "host": "host", "uri": "uri", "status_code": "status", "status_msg": "reason",
                      "version": "version", "user_agent": "user_agent", "referrer": "referrer", "trans_depth": "index",
                      "request_body_len": "request_body_bytes", "response_body_len": "response_body_bytes"}),
    "dns": ("dns", {"query": "query", "qtype": "qtype", "qclass": "qclass", "rcode": "rcode", "trans_id": "id",
                    "AA": "authoritative", "TC": "truncated", "RD": "recursion_desired", "RA": "recursion_available",
                    "rtt": lambda row: row["rtt"] and f"{row['rtt']:.6f}",
                    "answers": lambda row: ",".join(answer(one["data"]) for one in row["answers"]),
                    "TTLs": lambda row: ",".join(f"{one['ttl']:.6f}" for one in row["answers"])}),
    "ssh": ("ssh", {"client": "client_version", "server": "server_version", "cipher_alg": "cipher", "mac_alg": "mac",
                    "kex_alg": "kex_algorithm", "host_key_alg": "host_key_algorithm",
                    # Zeek writes 24 of the digest's 32 bytes.
                    "host_key_fingerprint": lambda row: row["host_key_fingerprint"][:len("SHA256:") + 32]}),
    "quic": ("quic", {"server_name": "sni", "client_initial_dcid": "client_dcid", "client_scid": "client_scid",
                      "server_scid": "server_scid", "version": "version",
                      "client_protocol": lambda row: next(iter(row["client_alpn"]), None)}),
}
SPELLED = {"T": "True", "F": "False", "(empty)": "", "TLSv10": "TLSv1.0", "TLSv11": "TLSv1.1", "TLSv12": "TLSv1.2",
           "TLSv13": "TLSv1.3", "quicv2": "2"}
# nDPI's protocol -> our service
SERVICES = {"TLS": "tls", "HTTP": "http", "DNS": "dns", "MDNS": "dns", "LLMNR": "dns", "QUIC": "quic", "SSH": "ssh",
            "NTP": "ntp", "DHCP": "dhcp", "OpenVPN": "openvpn", "WireGuard": "wireguard"}
# nDPI's key -> (our record, what makes nDPI's value of our row); for the protocols in SERVICES
NDPI = {
    "JA4": (("tls", "quic"), lambda row: row["ja4"]),
    "JA3C": (("tls", "quic"), lambda row: row["ja3"]),
    "JA3S": (("tls",), lambda row: row["ja3s"]),
    "Cipher": (("tls",), lambda row: row["cipher"]),
    "tls_version": (("tls", "quic"), lambda row: row.get("tls_version", row["version"])),
    "(Advertised) ALPNs": (("tls", "quic"), lambda row: ";".join(row["client_alpn"])),
    "TLS Supported Versions": (("tls", "quic"), lambda row: ";".join(row["client_versions"])),
    # That is what it calls versions which are to be refused (RFC 9000, 15).
    "QUIC ver": (("quic",), lambda row: re.sub("0x(.a){4}", "Ver-Negotiation", row["version"])),
    "ServerNames": (("Certificate",), lambda row: ",".join(sorted(row["dns_names"]))),
    "Subject": (("Certificate",), lambda row: sorted(re.split(r"(?<!\\),", row["subject"]))),
    "Issuer": (("Certificate",), lambda row: sorted(re.split(r"(?<!\\),", row["issuer"]))),
    "Validity": (("Certificate",), lambda row: " - ".join(row[time][:19].replace("T", " ")
                                                          for time in ("not_before", "not_after"))),
    "Hostname/SNI": (("tls", "quic", "http", "dns"),
                     lambda row: re.sub(r":\d+$", "", next((row[name] for name in ("sni", "host", "query")
                                                            if row.get(name)), "").lower())),
    # It keeps 255 bytes.
    "URL": (("http",), lambda row: ((row["host"] or "") + (row["uri"] or "")).encode()[:255].decode()),
    "StatusCode": (("http",), lambda row: row["status"]),
    "Content-Type": (("http",), lambda row: (row["response_content_type"] or "").split(";")[0]),
    "User-Agent": (("http", "quic"), lambda row: row["user_agent"]),
    "Server": (("Http",), lambda row: row["server"]),
}
# Suricata's type of event -> (our record, Suricata's field -> our member); how often which values occur is compared.
SURICATA = {
    "ssh": ("ssh", {"ssh.client.proto_version": "client_protocol", "ssh.client.software_version": "client_software",
                    "ssh.server.proto_version": "server_protocol", "ssh.server.software_version": "server_software"}),
    "http": ("Http", {"http.response_headers[0].value": "content_range"}),
    "flow": ("conn", {"app_proto_orig": "service"}),
    "dns": ("dns", {"dns.queries[0].rrname": "query"}),
}

SIMPLE = "a request without a version, for which Zeek expects no head (HTTP/0.9): the response has one"
INTERIM = "of 100 Continue, which is no response of its own"
ZERO = "a Host with a zero byte in it: we have all of it, nDPI what is before the zero"
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
    ("zeek-ipv6-fragmented-dns.pcap", "dns", "answers"): (1, "longer than 2048 characters, where our text ends"),
    ("ndpi-1kxun.pcap", "ndpi", "proto"): (2, "TLS that was joined midway: encrypted records, no hello"),
    ("ndpi-1kxun.pcap", "ndpi", "Hostname/SNI"): (6, "LLMNR of names in UTF-8, which nDPI makes ????"),
    ("ndpi-1kxun.pcap", "ndpi", "StatusCode"): (2, INTERIM),
    ("ndpi-1kxun.pcap", "ndpi", "User-Agent"): (1, "nDPI has what is in the first segment: it goes on in the next"),
    ("ndpi-1kxun.pcap", "ndpi", "JA4"): (4, "the SNI is an address: nDPI writes i, FoxIO's definition d"),
    ("ndpi-6in4tunnel.pcap", "ndpi", "JA4"): (1, "of spdy/3.1 nDPI takes sp, FoxIO's definition first and last: s1"),
    ("ndpi-fuzz-2006-09-29-28586.pcap", "ndpi", "Hostname/SNI"): (1, ZERO),
    ("ndpi-fuzz-2006-09-29-28586.pcap", "ndpi", "URL"): (1, ZERO),
    ("ndpi-fuzz-2006-09-29-28586.pcap", "ndpi", "StatusCode"): (2, INTERIM),
    ("ndpi-fuzz-2006-09-29-28586.pcap", "ndpi", "Server"): (2, INTERIM),
    ("ndpi-quic-28.pcap", "ndpi", "JA4"): (1, "of h3-28 nDPI takes h3, FoxIO's definition first and last: h8"),
    ("ndpi-tls_with_huge_ch.pcapng", "ndpi", "JA4"): (1, "there is no SNI: nDPI writes d, FoxIO's definition i"),
    ("ndpi-tls_with_huge_ch.pcapng", "ndpi", "tls_version"): (1, "nDPI's is legacy_version; the ServerHello chose 1.3"),
    ("suri-dns-over-http2-post.pcap", "suricata", "dns"): (1, "inside bodies of HTTP"),
}


def ends(first, second):
    return frozenset((str(ipaddress.ip_address(ip)), int(port)) for ip, port in (first, second))


def ndpi_ends(flow):
    return ends(*((flow[end].rpartition(":")[0].strip("[]"), flow[end].rpartition(":")[2]) for end in ("src", "dst")))


def ndpi_value(key, value):
    """nDPI's value as we spell it"""
    if key in ("Subject", "Issuer"):  # in the certificate's order, without escapes
        return str(sorted(part.replace(",", "\\,") for part in re.split(r", (?=[A-Z]+=)", value)))
    if key == "ServerNames":
        return ",".join(sorted(value.split(",")))
    if key == "QUIC ver":
        return value.replace("Draft-", "draft-").removeprefix("V-")
    if key == "Hostname/SNI":
        return value.lower()
    return re.sub(r"TLSv1(?!\.)", "TLSv1.0", value.removesuffix(" (WEAK)"))


class Engines(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.differences, cls.agreed = {}, Counter()
        for truth_file in sorted(CAPTURES.glob("*.truth.json")):
            truth = json.loads(truth_file.read_text())
            if any(engine in truth for engine in ENGINES):
                name = truth["file"]
                rows = cls.analyse(CAPTURES / name)
                cls.compare_zeek(name, truth.get("zeek", []), rows)
                cls.compare_ndpi(name, truth.get("ndpi", {}).get("flows", []), rows)
                cls.compare_suricata(name, truth.get("suricata", []), rows)
                cls.compare_arkime(name, truth.get("arkime", {}).get("sessions", []), rows)

    @staticmethod
    def analyse(capture):
        """record -> rows, those of the default analysis with what the subscription adds to them"""
        rows = {}
        for event in replay.Run(capture, "--records", "conn,tls,http,dns,quic,ssh",
                                subscriptions=[SUBSCRIPTION]).events():
            row = event["data"]
            row["ends"] = ends(*((row[end]["ip"], row[end]["port"]) for end in ("originator", "responder")))
            rows.setdefault(event["record"], []).append(row)
        for record, more in (("ssh", "Ssh"), ("quic", "Quic")):
            for row, added in zip(rows.get(record, []), rows.get(more, []), strict=True):
                assert row["ends"] == added["ends"], capture
                row |= {member: value for member, value in added.items() if member not in row}
        return rows

    @classmethod
    def compare(cls, key, theirs, ours):
        cls.agreed[key[1:]] += sum((theirs & ours).values())
        if theirs - ours:
            cls.differences[key] = max(cls.differences.get(key, Counter()), theirs - ours, key=Counter.total)

    @classmethod
    def compare_zeek(cls, name, tests, rows):
        quic = {row["ends"] for row in rows.get("quic", [])}  # Zeek logs the TLS inside QUIC as ssl, too
        for logs in (test["logs"] for test in tests):
            entries = {}
            for log, all_entries in logs.items():
                for entry in all_entries if log.split(".")[0] in LOGS else ():
                    key = entry.get("fingerprint")
                    if "id.orig_h" in entry:
                        key = ends(*((entry[f"id.{end}_h"], entry[f"id.{end}_p"]) for end in ("orig", "resp")))
                    kind = log.split(".")[0]
                    kind += " in quic" if kind == "ssl" and key in quic else ""
                    if key:
                        entries.setdefault(kind, []).append((key, entry))
            for kind, found in entries.items():
                record, members = LOGS[kind]
                for field, member in members.items():
                    theirs = Counter((key, SPELLED.get(entry[field], entry[field])) for key, entry in found
                                     if entry.get(field, "-") != "-")
                    ours = Counter()
                    for row in rows.get(record, []):
                        value = member(row) if callable(member) else row[member]
                        value = value + 1 if field == "trans_depth" else value
                        ours[row["sha256"] if kind == "x509" else row["ends"], str(value)] += 1
                    cls.compare((name, kind, field), theirs, ours)

    @classmethod
    def compare_ndpi(cls, name, flows, rows):
        """What nDPI shows of a connection may be of any of its sessions."""
        services = Counter({(row["ends"], row["service"]): 99 for row in rows.get("conn", [])})
        protocols, told = Counter(), {key: Counter() for key in NDPI}
        for flow in flows:
            protocol = SERVICES.get(flow["proto"].split("/")[-1].split(".")[0])
            if not protocol or flow["Confidence"] != "DPI":
                continue
            protocols[ndpi_ends(flow), protocol] += 1
            for key in NDPI.keys() & flow.keys() if protocol in ("tls", "quic", "http", "dns") else ():
                told[key][ndpi_ends(flow), ndpi_value(key, flow[key])] += 1
        cls.compare((name, "ndpi", "proto"), protocols, services)
        for key, (records, value) in NDPI.items():
            ours = Counter({(row["ends"], str(value(row))): 99 for record in records for row in rows.get(record, [])})
            cls.compare((name, "ndpi", key), told[key], ours)

    @classmethod
    def compare_suricata(cls, name, tests, rows):
        for check in (check for test in tests for check in test["checks"] if check["count"]):
            kind = check["match"]["event_type"]
            if kind in SURICATA:
                record, members = SURICATA[kind]
                wanted = {member: {"http2": "http"}.get(check["match"][field], check["match"][field])
                          for field, member in members.items()}
                ours = Counter(tuple(row[member] for member in wanted) for row in rows.get(record, []))
                cls.compare((name, "suricata", kind), Counter({tuple(wanted.values()): check["count"]}), ours)

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
        fields = [(log, field) for log, (_, members) in LOGS.items() for field in members]
        fields += [("ndpi", key) for key in ("proto", *NDPI)] + [("suricata", key) for key in SURICATA]
        for key in (*fields, ("arkime", "packets"), ("arkime", "ssh")):
            if key not in (("ssh", "mac_alg"), ("suricata", "dns")):  # see ACCEPTED
                with self.subTest(key):
                    self.assertTrue(self.agreed[key])


if __name__ == "__main__":
    if not CAPTURES.exists():
        print(f"*** SKIPPED: there is no {CAPTURES}; set IRIS_CAPTURES to the folder of captures ***", file=sys.stderr)
        sys.exit(replay.SKIPPED)
    unittest.main(verbosity=2)
