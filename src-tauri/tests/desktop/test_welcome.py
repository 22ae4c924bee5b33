"""The first start: from nothing to a first answer."""

import unittest

from case import PageCase
from session import wait_for


class Welcome(PageCase):
    welcomed = False

    def test_it_leads_to_a_first_answer_and_does_not_come_back(self):
        self.page.press("Next")
        self.page.shows("New key for Continue")
        self.page.press("Copy: ~/.continue/config.yaml")
        self.pasted(f'apiKey: "{self.key()}"')
        self.page.press("Next")
        self.page.press("Send")
        wait_for("the question in the log", lambda: self.program.ask("log.count") > 0)
        self.assertEqual(self.program.ask("log.latest", limit=1)[0]["status"], 200)
        self.page.press("Finish")
        self.page.shows("Overview")
        self.assertTrue(self.program.ask("status")["welcomed"])
        self.page.open("overview")
        self.page.shows("Base URL")


if __name__ == "__main__":
    unittest.main()
