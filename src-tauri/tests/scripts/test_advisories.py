"""The check of dependencies for published advisories, against a database of the test's own."""

import pathlib
import re
import subprocess
import tempfile
import unittest

from project import ROOT, shell

# cargo-deny wants a database with a domain name; git is told that it lies in a folder.
DATABASE_URL = "https://advisories.test/database"


class Advisories(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.database = self.folder / "database"
        self.config = self.folder / "deny.toml"
        places = f'[advisories]\ndb-path = "{self.folder}/clones"\ndb-urls = ["{DATABASE_URL}"]'
        self.config.write_text((ROOT / "deny.toml").read_text().replace("[advisories]", places))
        self.git("init", "--quiet", "--initial-branch", "main", self.database)
        self.publish("a-crate-that-is-not-used", "RUSTSEC-2020-9001")

    def git(self, *arguments):
        identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
        subprocess.run(["git", *identity, *arguments], check=True)

    def publish(self, crate, identifier, informational=None):
        """Adds an advisory that holds for all versions of a crate."""
        kind = f'informational = "{informational}"\n' if informational else ""
        folder = self.database / "crates" / crate
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{identifier}.md").write_text(
            f'```toml\n[advisory]\nid = "{identifier}"\npackage = "{crate}"\ndate = "2020-01-01"\n{kind}\n'
            f"[versions]\npatched = []\n```\n\n# A made-up advisory\n\nFor a test.\n")
        self.git("-C", self.database, "add", "--all")
        self.git("-C", self.database, "commit", "--quiet", "--message", identifier)

    def check(self):
        git_config = self.folder / "gitconfig"
        git_config.write_text(f'[url "file://{self.database}"]\n  insteadOf = {DATABASE_URL}\n')
        return shell("deny.sh", "check_advisories", self.config, GIT_CONFIG_GLOBAL=str(git_config))

    def test_a_clean_tree_passes(self):
        result = self.check()
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertIn("advisories ok", result.stdout)

    def test_a_vulnerable_dependency_fails_and_is_named(self):
        self.publish("warp", "RUSTSEC-2020-9002")
        result = self.check()
        self.assertNotEqual(result.returncode, 0, result.stdout)
        self.assertIn("RUSTSEC-2020-9002", result.stdout)

    def test_an_unmaintained_dependency_fails_where_this_project_names_it(self):
        self.publish("async-broadcast", "RUSTSEC-2020-9003", "unmaintained")
        self.assertEqual(self.check().returncode, 0)
        self.publish("hyper", "RUSTSEC-2020-9004", "unmaintained")
        result = self.check()
        self.assertNotEqual(result.returncode, 0, result.stdout)
        self.assertIn("RUSTSEC-2020-9004", result.stdout)

    def test_known_ones_without_a_fix_pass(self):
        self.publish("gtk", "RUSTSEC-2024-0415", "unmaintained")
        self.publish("glib", "RUSTSEC-2024-0429", "unsound")
        result = self.check()
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertIn("advisories ok", result.stdout)

    def test_a_database_out_of_reach_is_said_in_one_line(self):
        self.database.rename(self.folder / "moved")
        result = self.check()
        self.assertEqual(result.returncode, 0, result.stdout)
        lines = [line for line in result.stdout.splitlines() if line.strip()]
        self.assertEqual(len(lines), 1, result.stdout)
        self.assertIn("Advisories were not checked", lines[0])

    def test_each_known_one_has_a_reason_and_a_date(self):
        entries = (ROOT / "deny.toml").read_text().split("ignore = [")[1].split("\n]")[0].split("\n")
        known = [entry for entry in entries if entry.strip()]
        self.assertTrue(known)
        for entry in known:
            self.assertTrue(re.search(r'id = "RUSTSEC-\d{4}-\d{4}", reason = "\w.+; \d{4}-\d\d-\d\d"', entry), entry)


if __name__ == "__main__":
    unittest.main()
