"""Which folder may include what: the order of the layers, and who may see LLVM, DPDK and gRPC."""
import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Folder -> our own folders that its files may include from, besides itself; <iris/…> is the SDK.
MAY_USE = {
    "subscriptions": {"iris"},
    "parsers": {"iris"},
    "jit": {"iris", "parsers"},
    "proto": set(),
    "client": {"proto"},
    "daemon": {"iris", "parsers", "jit", "proto"},
}
# Foreign headers -> the folders that may see them.
MAY_SEE = {
    r"(llvm|clang)/": {"jit/frontend", "jit/codegen", "jit/engine", "jit/compiler"},
    r"rte_": {"daemon/source", "daemon/worker", "daemon/publish"},
    r"grpcpp/|grpc/|google/protobuf/|iris/v1/": {"daemon/control", "client", "proto"},
}
# Where even a header may show them: what is private to a folder.
PRIVATE_HEADERS = {"jit/frontend", "jit/codegen", "jit/engine", "daemon/control", "client", "proto", "daemon/source"}


def sources():
    for top in MAY_USE:
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix in (".hpp", ".cpp"):
                yield path.relative_to(ROOT), re.findall(r'^#include [<"]([^>"]+)[>"]', path.read_text(), re.MULTILINE)


def within(path, folders):
    return any(str(path).startswith(folder) for folder in folders)


class Layering(unittest.TestCase):
    def test_layers_use_only_what_lies_below(self):
        seen = 0
        for path, includes in sources():
            for include in includes:
                layer = include.split("/")[0]
                if layer not in set(MAY_USE) | {"iris"} or include.startswith("iris/v1/"):
                    continue
                seen += 1
                allowed = MAY_USE[path.parts[0]] | {path.parts[0]}
                self.assertIn(layer, allowed, f"{path} includes {include}")
        self.assertGreater(seen, 100)

    def test_foreign_headers_stay_where_they_belong(self):
        for path, includes in sources():
            for include in includes:
                for pattern, folders in MAY_SEE.items():
                    if not re.match(pattern, include):
                        continue
                    self.assertTrue(within(path, folders), f"{path} includes {include}")
                    if path.suffix == ".hpp":
                        self.assertTrue(within(path, PRIVATE_HEADERS), f"{path} shows {include} to everybody")


if __name__ == "__main__":
    unittest.main(verbosity=2)
