"""Clients that say what they did: each function runs one real program and returns facts read from its own log.

A fact names the connection by `originator` and `responder` ("192.0.2.10:40000", "[2001:db8:c::10]:40000").
"""
import json
import re
import subprocess
from functools import cache


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


def s_client(host, options, local, to, sni=None):
    """One TLS connection of `openssl s_client` from the given local (ip, port). Returns the connection's facts."""
    bind, connect = (ends(*local, *to)[end] for end in ("originator", "responder"))
    command = ["openssl", "s_client", "-bind", bind, "-connect", connect, *options]
    command += ["-servername", sni] if sni else ["-noservername"]
    ran = host.run(command, input="Q\n", capture_output=True)
    cipher = found(r"^(?:New|Reused), \S+, Cipher is (\S+)$", ran.stdout).group(1)
    # Of TLS 1.2 and before, "New, TLSv1.0, Cipher is" tells the cipher's age; the session tells the version.
    version = found(r"^\s+Protocol\s*: (\S+)$|^New, (TLSv1.3),|^Reused, (TLSv1.3),", ran.stdout)
    facts = {"originator": bind, "responder": connect, "sni": sni or ""}
    facts |= negotiated(next(filter(None, version.groups())), cipher)
    facts["resumed"] = bool(re.search(r"^Reused, ", ran.stdout, re.MULTILINE))
    alpn = re.search(r"^ALPN protocol: (\S+)$", ran.stdout, re.MULTILINE)
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
