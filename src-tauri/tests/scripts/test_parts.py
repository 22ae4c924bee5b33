"""The parts of a test run: which of them run, and how they are counted."""

import unittest

from project import shell

RUN = """
select_parts "$@"
part "Format of Rust" true
part "Format of the pages" false
part "Tests" true
finish
"""


class Parts(unittest.TestCase):
    def run_parts(self, *names):
        return shell("parts.sh", f"run() {{ {RUN} }}; run", *names)

    def test_without_names_all_run_and_a_failure_hides_nothing(self):
        result = self.run_parts()
        self.assertNotEqual(result.returncode, 0)
        self.assertTrue(result.stdout.endswith("2 passed, 1 failed\n"), result.stdout)
        self.assertIn("failed: Format of the pages", result.stdout)

    def test_a_beginning_of_a_name_chooses(self):
        result = self.run_parts("Tests", "Format of R")
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertTrue(result.stdout.endswith("2 passed, 0 failed\n"), result.stdout)
        self.assertNotIn("pages", result.stdout)

    def test_a_name_that_chooses_nothing_is_an_error(self):
        result = self.run_parts("Nothing")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("no part begins with: Nothing", result.stdout)


if __name__ == "__main__":
    unittest.main()
