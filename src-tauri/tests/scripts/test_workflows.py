"""The workflows in .github/: they call scripts that exist, and their secrets and variables are documented."""

import os
import re
import unittest

from project import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


class Workflows(unittest.TestCase):
    def setUp(self):
        self.texts = {path.name: path.read_text(encoding="utf-8") for path in WORKFLOWS}

    def test_every_script_that_they_run_exists(self):
        called = {name for text in self.texts.values() for name in re.findall(r"(?:script|\.ci)/[a-z-]+", text)}
        self.assertGreater(len(called), 8)
        for name in called:
            self.assertTrue(os.access(ROOT / name, os.X_OK), name)

    def test_every_secret_and_variable_is_documented(self):
        document = (ROOT / "docs/releasing.md").read_text(encoding="utf-8")
        for text in self.texts.values():
            for name in re.findall(r"(?:secrets|vars)\.([A-Z_]+)", text):
                self.assertIn(f"`{name}`", document)

    def test_each_job_has_its_own_rights_and_actions_are_fixed(self):
        for name, text in self.texts.items():
            self.assertIn("\npermissions: {}\n", text, name)
            jobs = text.split("\njobs:\n")[1]
            self.assertEqual(len(re.findall(r"^    permissions:$", jobs, re.M)), len(re.findall(r"^  [\w-]+:$", jobs, re.M)), name)
            for action in re.findall(r"uses: (.+)", text):
                self.assertRegex(action, r"^[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


if __name__ == "__main__":
    unittest.main()
