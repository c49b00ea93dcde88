"""Runs every command of the README's tour, in order, in one shell, as a reader would."""
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("IRIS_BIN", ROOT / "build" / "bin"))


def blocks():
    """(commands, whether the last one is to fail) of each block marked `tour`."""
    found = re.findall(r"^```sh tour( fails)?\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"),
                       re.MULTILINE | re.DOTALL)
    return [(commands, bool(fails)) for fails, commands in found]


def script():
    lines = ["set -uo pipefail"]
    for number, (commands, fails) in enumerate(blocks()):
        # `tail | head` ends the left side by its closed pipe, which it takes well.
        lines.append(f"{{\n{commands}}}\nstatus=$?")
        lines.append(f"echo '== block {number}' $status")
        lines.append(f"[ $status -{'ne' if fails else 'eq'} 0 ] || exit 1")
    return "\n".join(lines).replace("build/bin/", f"{BIN}/").replace("/tmp/", "$TOUR/")


class Tour(unittest.TestCase):
    def test_every_command(self):
        self.assertGreaterEqual(len(blocks()), 6)
        with tempfile.TemporaryDirectory() as folder:
            command = ["bash", "-c", script()]
            if os.geteuid() == 0:  # its own /run: the default socket of a daemon that may be running is left alone
                command = ["unshare", "--mount", "bash", "-c", f"mount -t tmpfs tmpfs /run && {script()}"]
            ran = subprocess.run(command, cwd=ROOT, env=os.environ | {"TOUR": folder, "XDG_RUNTIME_DIR": folder},
                                 stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertEqual(ran.stdout.count('"record":"Tls"'), 5)
        self.assertEqual(ran.stdout.count('"record":"Ended"'), 2)
        self.assertIn("unknown field 'tcp.prot'", ran.stderr)
        self.assertIn("771 packets", ran.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
