"""`irisd replay` as the capture tests use it, and the truth files that its events are compared with."""
import json
import os
import struct
import subprocess
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("IRIS_BIN", ROOT / "build" / "bin"))
DATA = ROOT / "tests" / "data"
LOG_TLS = ROOT / "subscriptions" / "log_tls" / "log_tls.cpp"
WEB_VOLUME = ROOT / "subscriptions" / "web_volume" / "web_volume.cpp"
SKIPPED = 77  # the exit status by which ctest knows a test that could not run


class Run:
    """One `irisd replay`, run to its end."""

    def __init__(self, *arguments, subscriptions=(LOG_TLS,), deadline=300):
        command = [BIN / "irisd", "replay", *arguments]
        for source in subscriptions:
            command += ["--subscription", source]
        ran = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True,
                             timeout=deadline)
        self.status, self.output = ran.returncode, ran.stdout
        self.said = ran.stderr.decode(errors="replace")

    def events(self, record=None):
        events = [json.loads(line) for line in self.output.splitlines()]
        return [event for event in events if record in (None, event["record"])]


def endpoint(text):
    """'192.0.2.1:80' or '[2001:db8::1]:80' -> (ip, port)"""
    ip, _, port = text.rpartition(":")
    return ip.strip("[]"), int(port)


def tls_facts(run):
    """Multiset of (originator, responder, sni, version, cipher) that log_tls told."""
    facts = Counter()
    for event in run.events("Tls"):
        data = event["data"]
        ends = [(data[end]["ip"], data[end]["port"]) for end in ("originator", "responder")]
        facts[(*ends, data["sni"], data["version"], data["cipher"])] += 1
    return facts


def own_truth(name):
    """The same facts as the clients told them when tests/data/NAME.pcap was recorded."""
    told = json.loads((DATA / f"{name}.truth.json").read_text()).get("tls", [])
    return Counter((endpoint(one["originator"]), endpoint(one["responder"]), one["sni"], one["version"], one["cipher"])
                   for one in told)


def packets(pcap):
    """(timestamp in microseconds, frame) of a little-endian pcap file with microseconds, as tcpdump writes."""
    raw = Path(pcap).read_bytes()
    magic, = struct.unpack_from("<I", raw)
    assert magic == 0xA1B2C3D4, pcap
    at = 24
    while at < len(raw):
        seconds, fraction, captured, _ = struct.unpack_from("<IIII", raw, at)
        yield seconds * 1_000_000 + fraction, raw[at + 16:at + 16 + captured]
        at += 16 + captured


def write_pcap(path, frames, *, order="<", nanoseconds=False, link_type=1):
    magic, scale = (0xA1B23C4D, 1000) if nanoseconds else (0xA1B2C3D4, 1)
    with open(path, "wb") as out:
        out.write(struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link_type))
        for ts, frame in frames:
            out.write(struct.pack(order + "IIII", ts // 1_000_000, ts % 1_000_000 * scale, len(frame), len(frame)))
            out.write(frame)


def write_pcapng(path, frames):
    def block(kind, body):
        body += bytes(-len(body) % 4)
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

    with open(path, "wb") as out:
        out.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        out.write(block(1, struct.pack("<HHI", 1, 0, 65535)))
        out.write(block(0xBAD, b"a block of a kind that readers are to leap over"))
        for ts, frame in frames:
            head = struct.pack("<IIIII", 0, ts >> 32, ts & 0xFFFFFFFF, len(frame), len(frame))
            out.write(block(6, head + frame))
