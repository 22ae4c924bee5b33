"""Which Node.js the scripts take: the machine's, or their own where that is too old."""

import os
import pathlib
import tempfile
import unittest

from project import shell


class Node(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def machine_with(self, version):
        """A search path on which `node` is a program that only tells a version."""
        program = self.folder / "node"
        program.write_text(f"#!/bin/sh\necho {version}\n")
        program.chmod(0o755)
        return {"PATH": f"{self.folder}:{os.environ['PATH']}", "CARGO_TARGET_DIR": str(self.folder / "target")}

    def is_new(self, version):
        return shell("node.sh", "has_new_node", **self.machine_with(version)).returncode == 0

    def test_the_machine_s_own_is_taken_where_it_is_new_enough(self):
        self.assertTrue(self.is_new("v22.0.0"))
        self.assertTrue(self.is_new("v24.11.1"))
        self.assertFalse(self.is_new("v20.20.2"))
        self.assertFalse(self.is_new("v8.17.0"))

    def test_one_that_was_installed_beside_the_builds_comes_first(self):
        own = self.folder / "target/tools/node/node_modules/.bin"
        own.mkdir(parents=True)
        (own / "node").write_text("#!/bin/sh\necho v22.0.0\n")
        (own / "node").chmod(0o755)
        result = shell("node.sh", "has_new_node", **self.machine_with("v20.20.2"))
        self.assertEqual(result.returncode, 0, result.stdout)


if __name__ == "__main__":
    unittest.main()
