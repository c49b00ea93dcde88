"""Runs every command of the README's tour, in order, in one shell, as a reader would."""
import os
import re
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 200  # seconds
BIN = Path(os.environ.get("IRIS_BIN", ROOT / "build" / "bin"))


def blocks():
    """(commands, whether the last one is to fail) of each block marked `tour`."""
    found = re.findall(r"^```sh tour( fails)?\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"),
                       re.MULTILINE | re.DOTALL)
    return [(commands, bool(fails)) for fails, commands in found]


def script():
    lines = ["set -uo pipefail"]
    for number, (commands, fails) in enumerate(blocks()):
        commands = commands.replace("/tmp/", "$TOUR/").replace("build/bin/", f"{BIN}/")
        # `tail | head` ends the left side by its closed pipe, which it takes well.
        lines.append(f"{{\n{commands}}}\nstatus=$?")
        lines.append(f"echo '== block {number}' $status")
        lines.append(f"[ $status -{'ne' if fails else 'eq'} 0 ] || exit 1")
    return "\n".join(lines)


def run(command, folder):
    """(the ended shell, what it said). Out of patience, everything that it started is ended."""
    shell = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"TOUR": folder, "XDG_RUNTIME_DIR": folder},
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             start_new_session=True)
    try:
        return shell, shell.communicate(timeout=PATIENCE)[0]
    except subprocess.TimeoutExpired:
        os.killpg(shell.pid, signal.SIGKILL)
        return shell, f"took longer than {PATIENCE} s:\n{shell.communicate()[0]}"


class Tour(unittest.TestCase):
    def test_every_command(self):
        self.assertGreaterEqual(len(blocks()), 6)
        with tempfile.TemporaryDirectory() as folder:
            command = ["bash", "-c", script()]
            if os.geteuid() == 0:  # its own /run: the default socket of a daemon that may be running is left alone
                command = ["unshare", "--mount", "bash", "-c", f"mount -t tmpfs tmpfs /run && {script()}"]
            shell, said = run(command, folder)
        self.assertEqual(shell.returncode, 0, said)
        self.assertEqual(said.count('"record":"Tls"'), 5)
        self.assertEqual(said.count('"record":"Ended"'), 2)
        self.assertIn("unknown field 'tcp.prot'", said)
        self.assertIn("771 packets", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
