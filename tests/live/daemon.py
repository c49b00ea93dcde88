"""A real irisd with a configuration of its own, and irisctl speaking to it."""
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import netns

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("IRIS_BIN", ROOT / "build" / "bin"))
LOG_TLS = ROOT / "subscriptions" / "log_tls" / "log_tls.cpp"
DEMO = ROOT / "tests" / "data" / "demo.pcap"
SKIPPED = 77  # the exit status by which ctest knows a test that could not run
PATIENCE = 60  # seconds that a slow or instrumented build may take for what is quick


def until(what, seconds=PATIENCE):
    """Asks until the answer is true, and returns it; the last answer when time is up."""
    end = time.monotonic() + seconds
    while not (answer := what()) and time.monotonic() < end:
        time.sleep(0.05)
    return answer


def children(pid):
    """Process ids of all descendants."""
    try:
        direct = [int(word) for task in Path(f"/proc/{pid}/task").iterdir()
                  for word in (task / "children").read_text().split()]
    except OSError:
        return []
    return direct + [below for child in direct for below in children(child)]


def runs(pid):
    """Whether the process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Irisd:
    """Configuration, socket, events and log of one daemon lie in `folder`; it may be started again and again."""

    def __init__(self, folder, host=None, **config):
        self.folder, self.host = Path(folder), host
        self.socket, self.log = self.folder / "control.sock", self.folder / "irisd.log"
        self.output = self.folder / "events.jsonl"
        self.config = {"connections": {"capacity": 65536}, "control": {"socket": str(self.socket)},
                       "output": {"file": str(self.output)}} | config
        self.process = None

    def _command(self):
        file = self.folder / "irisd.json"
        file.write_text(json.dumps(self.config))
        command = [str(BIN / "irisd"), "--config", str(file)]
        return self.host.command(command) if self.host else command

    def run(self):
        """For a daemon that is to refuse: runs it to its end."""
        return subprocess.run(self._command(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=PATIENCE)

    def start(self):
        """Returns when it answers."""
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(lambda: self.process.poll() is not None or self.ctl("status").returncode == 0)
        if self.process.poll() is not None or self.ctl("status").returncode != 0:
            self.stop(signal.SIGKILL)
            raise AssertionError(f"irisd did not come up:\n{self.said()}")
        return self

    def stop(self, number=signal.SIGTERM):
        """Ends it, with patience, and returns its exit status; -9 when it had to be killed."""
        return netns.stop(self.process, number, PATIENCE) if self.process else None

    def said(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def ctl_command(self, *words):
        return [str(BIN / "irisctl"), "--server", str(self.socket), *map(str, words)]

    def ctl(self, *words):
        return subprocess.run(self.ctl_command(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=PATIENCE)

    def events(self, subscription):
        """Data of the subscription's events that are in the output file; a last line being written is left out."""
        if not self.output.exists():
            return []
        lines = [line for line in self.output.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [event["data"] for event in map(json.loads, lines) if event["subscription"] == subscription]
