"""The definitions of the service, judged by the systems' own tools or by parsers of their formats."""

import os
import pathlib
import plistlib
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

from project import ROOT

UNITS = ROOT / "packaging/linux/systemd"
GOLDEN = ROOT / "src-tauri/crates/cli/src/service/golden"
# As docs/service.md states it.
SYSTEM_EXPOSURE = 1.4


def analyze(*arguments):
    with tempfile.TemporaryDirectory() as runtime:
        done = subprocess.run(
            ["systemd-analyze", *map(str, arguments)], env={**os.environ, "XDG_RUNTIME_DIR": runtime},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


class Units(unittest.TestCase):
    def verify(self, kind):
        """A unit must name a program that exists, which is here not that of the package."""
        text = (UNITS / kind / "mammouth-proxy.service").read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            unit = pathlib.Path(folder) / "mammouth-proxy.service"
            unit.write_text(text.replace("/usr/bin/mammouth-proxy", sys.executable), encoding="utf-8")
            code, said = analyze(f"--{kind}", "verify", "--man=no", unit)
        self.assertEqual((code, said), (0, ""))

    def test_the_users_unit_is_valid(self):
        self.verify("user")

    def test_the_systems_unit_is_valid(self):
        self.verify("system")

    def test_the_systems_unit_is_as_closed_as_documented(self):
        code, said = analyze("security", "--offline=true", f"--threshold={SYSTEM_EXPOSURE * 10:.0f}",
                             UNITS / "system/mammouth-proxy.service")
        self.assertEqual(code, 0, said)
        rated = re.search(r"Overall exposure level for mammouth-proxy.service: ([\d.]+)", said)[1]
        self.assertIn(f"rates it {rated} of 10", (ROOT / "docs/service.md").read_text(encoding="utf-8"))


class OtherSystems(unittest.TestCase):
    def test_the_agent_is_a_property_list(self):
        agent = plistlib.loads((GOLDEN / "agent.plist").read_bytes())
        self.assertEqual(agent["ProgramArguments"],
                         ["/Applications/R&D/mammouth-proxy", "serve", "--data-dir", "/Users/ana/my data"])
        self.assertEqual(agent["KeepAlive"], {"SuccessfulExit": False})
        self.assertTrue(agent["RunAtLoad"])

    def test_the_task_is_xml_of_its_namespace(self):
        space = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
        text = (GOLDEN / "task.xml").read_text(encoding="utf-8").replace(' encoding="UTF-16"', "")
        task = xml.etree.ElementTree.fromstring(text)
        self.assertEqual(task.tag, f"{space}Task")
        started = task.find(f"{space}Actions/{space}Exec")
        self.assertEqual([part.text for part in started],
                         [r"C:\Program Files\R&D\mammouth-proxy.exe", 'serve --data-dir "D:\\my data"'])


if __name__ == "__main__":
    unittest.main()
