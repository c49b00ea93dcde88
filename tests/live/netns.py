"""Two hosts and the cable between them, made of network namespaces.

    with netns.Cable() as cable:
        cable.server.start(["nginx", ...])
        cable.client.run(["curl", ...])

Everything that is begun here is ended here: processes by their own id, then the namespaces, which take their
interfaces along. Needs root and iproute2. The addresses are those reserved for documentation (RFC 5737, RFC 3849).
"""
import atexit
import itertools
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

CLIENTS = [f"192.0.2.{n}" for n in range(10, 18)]
SERVERS = [f"198.51.100.{n}" for n in range(10, 14)]
CLIENT6 = "2001:db8:c::10"
SERVER6 = "2001:db8:5::10"
INTERFACE = "veth0"  # the cable's end in either namespace
RETURN = "veth1"     # of the cable from server to client, where there are two

_numbers = itertools.count()
_open = []


def unusable():
    """Why namespaces cannot be had here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for program in ("ip", "ethtool"):
        if not shutil.which(program):
            return f"{program} is not installed (deploy/install-deps.sh)"
    name = f"iris-{os.getpid()}-probe"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if made.returncode != 0:
        return f"ip netns add: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "delete", name], check=True)
    return None


def exit_on_signals():
    """Lets SIGTERM and SIGHUP end the program the orderly way, so that what was begun is ended."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))


@atexit.register
def _close_all():
    while _open:
        _open[-1].close()


def stop(process, number=signal.SIGTERM, patience=5):
    """Ends a process that the caller started and returns its exit status."""
    if process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


class Host:
    """One namespace and the processes started in it."""

    def __init__(self, name):
        self.name = name
        self._processes = []
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.ip("link", "set", "lo", "up")

    def ip(self, *words):
        subprocess.run(["ip", "-n", self.name, *words], check=True)

    def resolve(self, names):
        """Names that programs in this namespace find without asking anyone: name -> address."""
        folder = Path("/etc/netns", self.name)  # `ip netns exec` shows its files in /etc
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "hosts").write_text("".join(f"{address} {name}\n" for name, address in names.items()))

    def command(self, command):
        return ["ip", "netns", "exec", self.name, *map(str, command)]

    def run(self, command, **options):
        """Runs to the end; standard input is empty unless given, output is text."""
        if "input" not in options:
            options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("text", True)
        return subprocess.run(self.command(command), **options)

    def start(self, command, **options):
        """Runs in the background; `ip netns exec` becomes the command itself, so its id is the command's."""
        options.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(self.command(command), **options)
        self._processes.append(process)
        return process

    def close(self):
        for process in reversed(self._processes):
            stop(process)
        self._processes.clear()
        subprocess.run(["ip", "netns", "delete", self.name], check=False)
        shutil.rmtree(Path("/etc/netns", self.name), ignore_errors=True)


class Cable:
    """A client and a server host, joined by a veth pair without offloads, so that what is seen is what a wire has."""

    def __init__(self, mtu=1500):
        self._hosts = []
        _open.append(self)
        try:
            number = next(_numbers)
            self.client, self.server = (self._host(f"iris-{os.getpid()}-{number}-{role}") for role in
                                        ("client", "server"))
            self.client.ip("link", "add", "name", INTERFACE, "type", "veth", "peer", "name", INTERFACE, "netns",
                           self.server.name)
            self._up(self.client, mtu, CLIENTS, CLIENT6)
            self._up(self.server, mtu, SERVERS, SERVER6)
            self.client.ip("route", "add", "198.51.100.0/24", "dev", INTERFACE, "src", CLIENTS[0])
            self.server.ip("route", "add", "192.0.2.0/24", "dev", INTERFACE, "src", SERVERS[0])
            if mtu >= 1280:  # the least for IPv6 (RFC 8200, 5)
                self.client.ip("-6", "route", "add", "2001:db8:5::/64", "dev", INTERFACE)
                self.server.ip("-6", "route", "add", "2001:db8:c::/64", "dev", INTERFACE)
        except BaseException:
            self.close()
            raise

    def _host(self, name):
        host = Host(name)
        self._hosts.append(host)
        return host

    @staticmethod
    def _up(host, mtu, addresses, address6):
        host.run(["ethtool", "-K", INTERFACE, "tx", "off", "rx", "off", "sg", "off", "tso", "off", "gso", "off", "gro",
                  "off"], check=True, stdout=subprocess.DEVNULL)
        host.ip("link", "set", INTERFACE, "mtu", str(mtu), "up")
        for address in addresses:
            host.ip("address", "add", address + "/24", "dev", INTERFACE)
        if mtu >= 1280:
            host.ip("address", "add", address6 + "/64", "dev", INTERFACE, "nodad")

    def split(self):
        """Leads what the server sends over a second cable, whose ends are RETURN: each sees one direction alone."""
        self.client.ip("link", "add", "name", RETURN, "type", "veth", "peer", "name", RETURN, "netns",
                       self.server.name)
        for host in (self.client, self.server):
            host.run(["ethtool", "-K", RETURN, "tx", "off", "rx", "off", "sg", "off", "tso", "off", "gso", "off", "gro",
                      "off"], check=True, stdout=subprocess.DEVNULL)
            host.ip("link", "set", RETURN, "up")
            host.run(["sh", "-c", "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $f; done"], check=True)
        self.server.ip("route", "replace", "192.0.2.0/24", "dev", RETURN, "src", SERVERS[0])
        address = self.client.run(["cat", f"/sys/class/net/{RETURN}/address"], check=True, capture_output=True).stdout
        for client in CLIENTS:
            self.server.ip("neighbour", "replace", client, "lladdr", address.strip(), "dev", RETURN)

    def close(self):
        if self in _open:
            _open.remove(self)
        while self._hosts:
            self._hosts.pop().close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
