"""Clients that say what they did: each function runs one real program and returns facts read from its own log.

A fact names the connection by `originator` and `responder` ("192.0.2.10:40000", "[2001:db8:c::10]:40000").
"""
import base64
import hashlib
import json
import re
import ssl
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path


class Silent(RuntimeError):
    """A client failed, or did not log what was asked of it."""


def ends(local, local_port, remote, remote_port):
    def text(ip, port):
        return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
    return {"originator": text(local, local_port), "responder": text(remote, remote_port)}


def found(pattern, text, flags=re.MULTILINE):
    match = re.search(pattern, text, flags)
    if not match:
        raise Silent(f"no /{pattern}/ in:\n{text}")
    return match


@cache
def ciphers():
    """OpenSSL's name of a cipher suite -> (number, IANA name)."""
    known = {}
    listed = subprocess.run(["openssl", "ciphers", "-s", "-V", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"],
                            check=True, capture_output=True, text=True).stdout
    listed += subprocess.run(["openssl", "ciphers", "-V", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"],
                             check=True, capture_output=True, text=True).stdout
    for high, low, iana, name in re.findall(r"0x(\w\w),0x(\w\w) - (\S+)\s+- (\S+)", listed):
        known[name] = (int(high + low, 16), iana)
    return known


VERSIONS = {"TLSv1": 0x0301, "TLSv1.0": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}


def negotiated(version, cipher):
    number, iana = ciphers()[cipher]
    return {"version": VERSIONS[version], "version_name": version, "cipher": number, "cipher_name": iana}


def curl(host, url, *options, to=None, source=None):
    """One transfer on one connection. Returns (facts of the connection, facts of the HTTP transaction)."""
    command = ["curl", "--silent", "--show-error", "--verbose", "--max-time", "20", "--output", "/dev/null",
               "--write-out", "%{json}", *options]
    scheme, name = found(r"^(https?)://([^:/]+)", url).groups()
    if to:
        port = found(r"^https?://[^/:]+(?::(\d+))?", url).group(1) or {"http": "80", "https": "443"}[scheme]
        command += ["--resolve", f"{name}:{port}:{to}"]
    if source:
        command += ["--interface", source]
    ran = host.run([*command, url], capture_output=True)
    if ran.returncode != 0:
        raise Silent(f"{' '.join(command)} {url}: {ran.returncode}\n{ran.stderr}")
    said = json.loads(ran.stdout)
    flow = ends(said["local_ip"], said["local_port"], said["remote_ip"], said["remote_port"])
    connection = dict(flow)
    if scheme == "https":
        connection |= {"sni": name} | negotiated(*found(r"SSL connection using (\S+) / (\S+)", ran.stderr).groups())
    return connection, flow | transactions(ran.stderr)[0]


def curl_keep_alive(host, urls, *options, to):
    """Several transfers over one connection to one plain HTTP server. Returns the facts of each transaction."""
    name = found(r"^http://([^:/]+)", urls[0]).group(1)
    command = ["curl", "--silent", "--show-error", "--verbose", "--resolve", f"{name}:80:{to}", "--write-out",
               "%{stderr}\n%{json}\n", *options]
    for url in urls:
        command += ["--output", "/dev/null", url]
    ran = host.run(command, capture_output=True)
    if ran.returncode != 0:
        raise Silent(f"{' '.join(command)}: {ran.returncode}\n{ran.stderr}")
    said = [json.loads(line) for line in ran.stderr.splitlines() if line.startswith('{"')]
    facts = transactions(ran.stderr)
    if len(facts) != len(urls) or len({one["local_port"] for one in said}) != 1:
        raise Silent(f"{len(facts)} transactions of {len(urls)}, or more than one connection:\n{ran.stderr}")
    return [ends(one["local_ip"], one["local_port"], one["remote_ip"], one["remote_port"]) | {"index": index} | fact
            for index, (one, fact) in enumerate(zip(said, facts))]


def transactions(log):
    """What curl --verbose wrote of requests (lines after '>') and responses (after '<')."""
    facts = []
    for line in log.splitlines():
        line = line.rstrip("\r")
        request = re.match(r"> ([A-Z]+) (\S+) (HTTP/[\d.]+)$", line)
        response = re.match(r"< (HTTP/[\d.]+) (\d+) ?(.*)$", line)
        header = re.match(r"([<>]) ([\w-]+): (.*)$", line)
        if request:
            facts.append(dict(zip(("method", "uri", "version"), request.groups())))
        elif response and facts:
            facts[-1] |= {"status": int(response[2]), "reason": response[3]}
        elif header and facts:
            member = {"> host": "host", "> user-agent": "user_agent", "> content-type": "request_content_type",
                      "< content-type": "response_content_type"}.get(f"{header[1]} {header[2].lower()}")
            if member:
                facts[-1][member] = header[3]
    if not facts:
        raise Silent(f"curl logged no request:\n{log}")
    return facts


def s_client(host, options, local, to, sni=None, typed="Q\n"):
    """One TLS connection of `openssl s_client` from the given local (ip, port). Returns the connection's facts."""
    bind, connect = (ends(*local, *to)[end] for end in ("originator", "responder"))
    command = ["openssl", "s_client", "-bind", bind, "-connect", connect, *options]
    command += ["-servername", sni] if sni else ["-noservername"]
    ran = host.run(command, input=typed, capture_output=True)
    cipher = found(r"^(?:New|Reused), \S+, Cipher is (\S+)$", ran.stdout).group(1)
    # Of TLS 1.2 and before, "New, TLSv1.0, Cipher is" tells the cipher's age; the session tells the version.
    version = found(r"^\s+Protocol\s*: (\S+)$|^New, (TLSv1.3),|^Reused, (TLSv1.3),", ran.stdout)
    facts = {"originator": bind, "responder": connect, "sni": sni or ""}
    facts |= negotiated(next(filter(None, version.groups())), cipher)
    facts["resumed"] = bool(re.search(r"^Reused, ", ran.stdout, re.MULTILINE))
    if "R" in typed:
        found(r"^RENEGOTIATING$", ran.stderr)
    alpn = re.search(r"^ALPN protocol: (\S+)$", ran.stdout, re.MULTILINE)
    shown = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", ran.stdout, re.DOTALL)
    if shown and not facts["resumed"] and facts["version"] < VERSIONS["TLSv1.3"]:  # 1.3 encrypts it, 1.2 repeats none
        facts["certificate_sha256"] = hashlib.sha256(ssl.PEM_cert_to_DER_cert(shown[0])).hexdigest()
    return facts | ({"alpn": alpn[1]} if alpn else {})


def dig(host, question, local, to, *options):
    """One question. Returns the facts of the transaction, answers as dig printed them."""
    command = ["dig", f"@{to[0]}", "-b", f"{local[0]}#{local[1]}", "-p", to[1], "+tries=1", "+time=5", "+qr", *options,
               *question]
    ran = host.run(command, capture_output=True)
    answer = ran.stdout.rpartition(";; Got answer:")[2]  # what stands before is the query, as sent (+qr)
    header = found(r"^;; ->>HEADER<<- opcode: QUERY, status: (\w+), id: (\d+)\n;; flags: ([a-z ]*);", answer)
    asked = found(r"^;; QUESTION SECTION:\n;(\S+)\s+(\w+)\s+(\w+)$", answer)
    section = re.search(r"^;; ANSWER SECTION:\n(.*?)\n\n", answer, re.MULTILINE | re.DOTALL)
    answers = [line.split(None, 4) for line in section[1].splitlines()] if section else []
    flags = header[3].split()
    facts = ends(*local, *to) | {"transport": "tcp" if "+tcp" in options else "udp"}
    return facts | {"id": int(header[2]), "query": asked[1], "qclass": asked[2], "qtype": asked[3], "rcode": header[1],
                    "authoritative": "aa" in flags, "truncated": "tc" in flags, "recursion_desired": "rd" in flags,
                    "recursion_available": "ra" in flags,
                    "answers": [{"name": name, "type": kind, "ttl": int(ttl), "data": data}
                                for name, ttl, _, kind, data in answers]}


def ssh(host, directory, to, *options):
    """Runs a command that tells the connection's ends. Returns the facts of the handshake."""
    command = ["ssh", "-v", "-F", "/dev/null", "-i", f"{directory}/client", "-o", "IdentitiesOnly=yes", "-o",
               f"UserKnownHostsFile={directory}/known_hosts", "-o", "BatchMode=yes", *options, f"root@{to}",
               "echo $SSH_CONNECTION"]
    ran = host.run(command, capture_output=True)
    local, local_port, remote, remote_port = found(r"^(\S+) (\d+) (\S+) (\d+)$", ran.stdout).groups()
    log = ran.stderr.replace("\r", "")
    cipher, mac = found(r"^debug1: kex: client->server cipher: (\S+) MAC: (\S+)", log).groups()
    protocol, software = found(r"^debug1: Remote protocol version (\S+), remote software version (.+)$", log).groups()
    return ends(local, local_port, remote, remote_port) | {
        "client_version": found(r"^debug1: Local version string (.+)$", log)[1],
        "server_version": f"SSH-{protocol}-{software}",
        "kex_algorithm": found(r"^debug1: kex: algorithm: (\S+)$", log)[1],
        "host_key_algorithm": found(r"^debug1: kex: host key algorithm: (\S+)$", log)[1],
        "cipher": cipher, "mac": mac}


def last_line(log, pattern, begun):
    """The latest line of a server's log, which it may write a moment after the client has ended. `begun`: lines before."""
    for _ in range(100):
        lines = [line for line in Path(log).read_text(encoding="utf-8").splitlines() if re.search(pattern, line)]
        if len(lines) > begun:
            return re.search(pattern, lines[-1])
        time.sleep(0.02)
    raise Silent(f"no new /{pattern}/ in {log}")


def lines_of(log, pattern):
    path = Path(log)
    return len(re.findall(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)) if path.exists() else 0


def wget(host, directory, url, *options):
    """One transfer from nginx, whose log tells the connection's ends. Returns the facts of the HTTP transaction."""
    log, pattern = f"{directory}/access.log", r"^(\S+) (\d+) (\S+) (\d+)$"
    begun = lines_of(log, pattern)
    ran = host.run(["wget", "--debug", "--no-hsts", "--output-document=/dev/null", *options, url], capture_output=True,
                   env={"LC_ALL": "C", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"})
    request = found(r"^---request begin---\n(.*?)\n---request end---", ran.stderr, re.MULTILINE | re.DOTALL)[1]
    response = found(r"^---response begin---\n(.*?)\n---response end---", ran.stderr, re.MULTILINE | re.DOTALL)[1]
    told = [f"> {line}" for line in request.splitlines()] + [f"< {line}" for line in response.splitlines()]
    facts = transactions("\n".join(line for line in told if len(line) > 2))
    return ends(*last_line(log, pattern, begun).groups()) | {"index": 0} | facts[0]


def drill(host, directory, question, to, *options):
    """One question to dnsmasq, whose log tells the client's end. Returns the facts of the transaction."""
    log, pattern = f"{directory}/dnsmasq.log", r": \d+ ([\d.]+)/(\d+) query\["
    begun = lines_of(log, pattern)
    ran = host.run(["drill", *options, *question, f"@{to[0]}"], capture_output=True)
    header = found(r"^;; ->>HEADER<<- opcode: QUERY, rcode: (\w+), id: (\d+)\n;; flags: ([a-z ]*);", ran.stdout)
    asked = found(r"^;; QUESTION SECTION:\n;; (\S+)\s+(\w+)\s+(\w+)$", ran.stdout)
    section = found(r"^;; ANSWER SECTION:\n(.*?)\n;; AUTHORITY", ran.stdout, re.MULTILINE | re.DOTALL)[1]
    flags = header[3].split()
    return ends(*last_line(log, pattern, begun).groups(), *to) | {
        "transport": "tcp" if "-t" in options else "udp", "id": int(header[2]), "query": asked[1], "qclass": asked[2],
        "qtype": asked[3], "rcode": header[1], "authoritative": "aa" in flags, "truncated": "tc" in flags,
        "recursion_desired": "rd" in flags, "recursion_available": "ra" in flags,
        "answers": [{"name": name, "type": kind, "ttl": int(ttl), "data": data}
                    for name, ttl, _, kind, data in (line.split(None, 4) for line in section.splitlines() if line)]}


def http2(host, command, read_log):
    """Runs a client of Caddy. Returns the facts of its transactions, as the server's log, `read_log()`, has them."""
    begun = len(read_log())
    ran = host.run(command, capture_output=True)
    if ran.returncode != 0:
        raise Silent(f"{' '.join(command)}: {ran.returncode}\n{ran.stderr}")
    time.sleep(0.2)
    served = read_log()[begun:]
    if not served:
        raise Silent(f"{' '.join(command)}: the server logged no request")
    def header(entry, name):
        return entry.get(name, [None])[0]
    facts = []
    for entry in served:
        request = entry["request"]
        to = found(r"//([\d.]+):(\d+)/", " ".join(command)).groups()
        facts.append(ends(request["remote_ip"], request["remote_port"], *to) | {
            "method": request["method"], "uri": request["uri"], "host": request["host"],
            "user_agent": header(request["headers"], "User-Agent"), "status": entry["status"],
            "request_content_type": header(request["headers"], "Content-Type"),
            "response_content_type": header(entry["resp_headers"], "Content-Type"),
            "response_body_bytes": entry["size"]})
    return facts


def mosquitto(host, directory, command):
    """Runs a client of Mosquitto. Returns the facts of its connection, as the broker's log has them."""
    log = Path(directory, "mosquitto.log")
    begun = len(log.read_text(encoding="utf-8"))
    ran = host.run(command, capture_output=True, timeout=20)
    if ran.returncode != 0:
        raise Silent(f"{' '.join(command)}: {ran.returncode}\n{ran.stderr}")
    time.sleep(0.1)
    told = log.read_text(encoding="utf-8")[begun:]
    address, port, client, version, clean, keep_alive, user = found(
        r"New client connected from ([\d.]+):(\d+) as (\S+) \(p(\d), c(\d), k(\d+)(?:, u'(\w+)')?\)", told).groups()
    published = re.findall(r"Received PUBLISH from \S+ \(d\d, q(\d), r(\d), m(\d+), '(\S+)', ... \((\d+) bytes\)\)", told)
    subscribed = re.findall(r"Received SUBSCRIBE from \S+\n\S+\s+(\S+) \(QoS (\d)\)", told)
    return ends(address, port, command[command.index("-h") + 1], 1883) | {
        "client_id": client, "version": {1: 3, 2: 4, 5: 5}[int(version)], "keep_alive": int(keep_alive),
        "clean": clean == "1", "username": user,
        "published": [{"qos": int(qos), "retain": retain == "1", "topic": topic, "bytes": int(size)}
                      for qos, retain, _, topic, size in published],
        "subscribed": [{"topic": topic, "qos": int(qos)} for topic, qos in subscribed]}


def gtlsclient(host, to, sni, *options):
    """One HTTP/3 transfer of ngtcp2's client. Returns the facts of the connection."""
    command = ["gtlsclient", "--no-quic-dump", "--no-http-dump", "--exit-on-all-streams-close", *options, sni,
               str(to[1]), f"https://{sni}/small.txt"]
    host.resolve({sni: to[0]})
    ran = host.run(command, capture_output=True, timeout=30)
    log = ran.stdout + ran.stderr
    found(r"http: stream 0x0 .*|HTTP stream 0 .*|\[:status: 200\]", log)
    local = found(r"^Sent packet: local=\[(\S+)\]:(\d+) ", log).groups()
    sent = found(r"pkt tx pkn=0 dcid=0x([0-9a-f]+) scid=0x([0-9a-f]*) version=0x(\w+) type=(?:Initial|0RTT)", log)
    return ends(*local, *to) | {"sni": sni, "client_dcid": sent[1], "client_scid": sent[2],
                                "version": str(int(sent[3], 16)), "client_alpn": ["h3"], "retry": "type=Retry" in log,
                                "zero_rtt": bool(re.search(r"pkt tx .*type=0RTT", log))}


def chromium(host, directory, url, to, *options):
    """A page in a headless Chromium. Returns (facts of its TLS connections, of its QUIC connections), from its NetLog."""
    name = found(r"^https://([^:/]+)", url)[1]
    key = subprocess.run(["openssl", "x509", "-in", f"{directory}/ec.crt", "-pubkey", "-noout"], check=True,
                         capture_output=True).stdout
    spki = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=key, check=True,
                          capture_output=True).stdout
    trusted = base64.b64encode(hashlib.sha256(spki).digest()).decode()
    with tempfile.TemporaryDirectory(prefix="iris-chromium-") as profile:
        log = f"{profile}/netlog.json"
        ran = host.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
                        "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-extensions",
                        f"--user-data-dir={profile}/data", f"--ignore-certificate-errors-spki-list={trusted}",
                        f"--host-resolver-rules=MAP {name} {to}, MAP * ~NOTFOUND", f"--log-net-log={log}", "--dump-dom",
                        *options, url], capture_output=True, timeout=60)
        if ran.returncode != 0:
            raise Silent(f"chromium {url}: {ran.returncode}\n{ran.stderr}")
        said = json.loads(Path(log).read_text(encoding="utf-8"))
    kinds = {number: kind for kind, number in said["constants"]["logEventTypes"].items()}
    sockets = {}  # id -> parameters of all its events, by kind
    for event in said["events"]:
        sockets.setdefault(event["source"]["id"], {}).setdefault(kinds[event["type"]], {}).update(
            event.get("params") or {})
    def split(address):
        return address.rpartition(":")[::2]
    tls, quic = [], []
    names = {number: (openssl, iana) for openssl, (number, iana) in ciphers().items()}
    for socket in sockets.values():
        if "cipher_suite" in socket.get("SSL_CONNECT", {}):
            connect, done = socket["TCP_CONNECT"], socket["SSL_CONNECT"]
            flow = ends(*split(connect["local_address"]), *split(connect["remote_address"]))
            version = done["version"].replace("TLS ", "TLSv")
            tls.append(flow | {"sni": name, "resumed": done["is_resumed"]} |
                       negotiated(version, names[done["cipher_suite"]][0]))
    flows = [ends(*split(socket["UDP_LOCAL_ADDRESS"]["address"]), *split(socket["UDP_CONNECT"]["address"]))
             for socket in sockets.values() if "UDP_LOCAL_ADDRESS" in socket]
    sessions = [socket for socket in sockets.values() if "QUIC_SESSION" in socket]
    if len(flows) != len(sessions):
        raise Silent(f"chromium {url}: {len(flows)} UDP sockets, {len(sessions)} QUIC sessions")
    for flow, session in zip(flows, sessions):
        began = session["QUIC_SESSION"]
        quic.append(flow | {"sni": began["host"], "client_dcid": began["connection_id"], "client_alpn": ["h3"],
                            "version": session["QUIC_SESSION_VERSION_NEGOTIATED"]["version"].removeprefix("RFCv")})
    return tls, quic
