"""Real servers for a netns.Host: nginx, dnsmasq, sshd; for recordings also
Caddy, ngtcp2's server, openssl s_server, Mosquitto. Keys and certificates are made when needed and kept nowhere.

Each function takes the host, an existing directory of the caller's for its files, and returns when the server answers.
"""
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

DOMAINS = ("example.test", "example.net", "example.org", "example.com")
HTTP, HTTPS, HTTPS_P384, SSH, DNS = 80, 443, 8443, 22, 53
HTTP2, HTTP3, QUIC, QUIC_RETRY, SMALL_RECORDS, MQTT = 8080, 4443, 4433, 4434, 8444, 1883

NGINX = """
daemon off;
master_process off;
user root;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log;
events {{ worker_connections 1024; }}
http {{
  log_format ends '$remote_addr $remote_port $server_addr $server_port';
  access_log {directory}/access.log ends;
  server_tokens off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  types {{ text/html html; text/plain txt; application/json json; }}
  root {directory}/www;
  ssl_certificate {directory}/ec.crt;
  ssl_certificate_key {directory}/ec.key;
  ssl_certificate {directory}/rsa.crt;
  ssl_certificate_key {directory}/rsa.key;
  ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
  ssl_ciphers ALL:@SECLEVEL=0;
  ssl_prefer_server_ciphers off;
  ssl_session_cache shared:tls:1m;
  server {{
    listen {http}; listen [::]:{http};
    listen {https} ssl; listen [::]:{https} ssl;
    gzip on; gzip_min_length 1; gzip_types text/plain application/json;
    location /moved {{ return 301 /small.txt; }}
    location /post {{ client_max_body_size 1m; return 200 "thank you\\n"; }}
    location /refused {{ return 403; }}
  }}
  server {{  # knows one curve that clients do not guess first: TLS 1.3 asks again (HelloRetryRequest)
    listen {https_p384} ssl; listen [::]:{https_p384} ssl;
    ssl_ecdh_curve secp384r1;
  }}
}}
"""


def _wait_for(host, port, process, log, kind="-t"):
    """Returns when something listens on the port ("-u": of UDP), fails with the log when the server gave up."""
    for _ in range(200):
        listening = host.run(["ss", "-Hln", kind, f"sport = :{port}"], capture_output=True).stdout
        if listening.strip():
            return process
        if process.poll() is not None:
            break
        time.sleep(0.05)
    text = log.read_text(errors="replace") if log.exists() else ""
    raise RuntimeError(f"{process.args[4]} does not listen on port {port}: {text[-2000:]}")


def certificate(directory, name, key_options):
    """A self-signed certificate for every DOMAIN and all names below."""
    names = ",".join(f"DNS:{domain},DNS:*.{domain}" for domain in DOMAINS)
    subprocess.run(["openssl", "req", "-x509", "-nodes", "-days", "3650", "-subj", "/CN=example.test", "-addext",
                    f"subjectAltName={names}", "-newkey", *key_options, "-keyout", f"{directory}/{name}.key", "-out",
                    f"{directory}/{name}.crt"], check=True, capture_output=True)


def nginx(host, directory):
    """HTTP on 80, TLS of every version on 443, TLS with a HelloRetryRequest on 8443. Returns the process."""
    directory = Path(directory)
    certificate(directory, "ec", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
    certificate(directory, "rsa", ["rsa:2048"])
    pages = directory / "www"
    pages.mkdir()
    (pages / "index.html").write_text("<!doctype html><title>example</title><p>An example.\n")
    (pages / "small.txt").write_text("small\n")
    (pages / "list.json").write_text('{"items": [' + ", ".join(map(str, range(200))) + "]}\n")
    (pages / "large.txt").write_text("".join(f"line {n} of a longer text\n" for n in range(200)))
    config = directory / "nginx.conf"
    config.write_text(NGINX.format(directory=directory, http=HTTP, https=HTTPS, https_p384=HTTPS_P384))
    log = directory / "nginx.log"
    process = host.start(["nginx", "-c", config, "-e", log], stderr=subprocess.DEVNULL)
    return _wait_for(host, HTTPS, process, log)


def dnsmasq(host, directory):
    """DNS over UDP and TCP on 53, sole authority for DOMAINS."""
    log = Path(directory) / "dnsmasq.log"
    records = ["--host-record=www.example.test,198.51.100.10,2001:db8:5::10,300",
               "--host-record=video.example.test,198.51.100.11,60", "--host-record=cdn3.example.net,198.51.100.12,30",
               "--cname=alias.example.test,www.example.test,120", "--mx-host=example.test,mail.example.test,10",
               "--host-record=mail.example.test,198.51.100.13", "--txt-record=example.test,v=spf1 -all",
               "--srv-host=_sip._tcp.example.test,video.example.test,5060,1,2",
               "--ptr-record=10.100.51.198.in-addr.arpa,www.example.test"]
    records += [f"--txt-record=large.example.test,{n:02}{'x' * 120}" for n in range(8)]
    records += [f"--local=/{domain}/" for domain in DOMAINS]
    with open(log, "w", encoding="utf-8") as out:
        process = host.start(["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                              "--user=root", "--pid-file=", "--log-facility=-", "--log-queries=extra",
                              f"--port={DNS}", *records], stderr=out)
    return _wait_for(host, DNS, process, log)


def sshd(host, directory):
    """OpenSSH on 22. The client's key is `directory/client`; `directory/known_hosts` names the server."""
    directory = Path(directory)
    for name in ("host", "client"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", directory / name], check=True)
    key = (directory / "host.pub").read_text()
    (directory / "known_hosts").write_text(f"* {key}")
    shutil.copy(directory / "client.pub", directory / "authorized_keys")
    config = directory / "sshd_config"
    config.write_text(f"Port {SSH}\nHostKey {directory}/host\nAuthorizedKeysFile {directory}/authorized_keys\n"
                      "StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\nPidFile none\n"
                      "PrintMotd no\nPrintLastLog no\n")
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # compiled into sshd, made by its package's service
    log = directory / "sshd.log"
    process = host.start([shutil.which("sshd"), "-D", "-f", config, "-E", log], stderr=subprocess.DEVNULL)
    return _wait_for(host, SSH, process, log)


CADDY = """{{
  admin off
  auto_https off
  storage file_system {directory}/caddy
  servers {{
    protocols h1 h2 h2c h3
  }}
}}
(pages) {{
  root * {directory}/www
  file_server
  log {{
    output file {directory}/caddy.log
    format json
  }}
}}
http://:{http2} {{
  import pages
}}
https://:{http3} {{
  tls {directory}/ec.crt {directory}/ec.key
  import pages
}}
"""


def caddy(host, directory):
    """HTTP/2 without TLS on 8080, by prior knowledge and by upgrade, and HTTP/3 on 4443; nginx's pages. What it served is
    in caddy_log()."""
    directory = Path(directory)
    config = directory / "Caddyfile"
    config.write_text(CADDY.format(directory=directory, http2=HTTP2, http3=HTTP3))
    log = directory / "caddy.err"
    with open(log, "w", encoding="utf-8") as out:
        process = host.start(["caddy", "run", "--config", config, "--adapter", "caddyfile"], stderr=out,
                             env=os.environ | {"HOME": str(directory)})
    return _wait_for(host, HTTP3, process, log, "-u")


def caddy_log(directory):
    """One object a request, in the order in which they were answered."""
    log = Path(directory) / "caddy.log"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [entry for entry in map(json.loads, lines) if entry.get("logger", "").startswith("http.log.access")]


def quic(host, directory):
    """ngtcp2's HTTP/3 server on 4433; on 4434 it makes clients prove their addresses (Retry)."""
    for port, options in ((QUIC, []), (QUIC_RETRY, ["--validate-addr"])):
        log = Path(directory) / f"quic{port}.log"
        with open(log, "w", encoding="utf-8") as out:
            process = host.start(["gtlsserver", "--quiet", *options, "--htdocs", f"{directory}/www", "*", port,
                                  f"{directory}/ec.key", f"{directory}/ec.crt"], stderr=out, stdout=out)
        _wait_for(host, port, process, log, "-u")


def small_records(host, directory):
    """TLS on 8444 in records of at most 512 bytes; clients may renegotiate."""
    log = Path(directory) / "s_server.log"
    with open(log, "w", encoding="utf-8") as out:
        process = host.start(["openssl", "s_server", "-accept", SMALL_RECORDS, "-cert", f"{directory}/rsa.crt", "-key",
                              f"{directory}/rsa.key", "-max_send_frag", "512", "-client_renegotiation", "-cipher", "ALL:@SECLEVEL=0",
                              "-www"],
                             stderr=out, stdout=out)
    return _wait_for(host, SMALL_RECORDS, process, log)


def mosquitto(host, directory):
    """An MQTT broker on 1883 that anyone may use; it logs to `directory`/mosquitto.log."""
    config = Path(directory) / "mosquitto.conf"
    config.write_text(f"listener {MQTT}\nallow_anonymous true\nuser root\nlog_type all\n")
    log = Path(directory) / "mosquitto.log"
    with open(log, "w", encoding="utf-8") as out:
        process = host.start(["mosquitto", "-c", config], stderr=out, stdout=out)
    return _wait_for(host, MQTT, process, log)
