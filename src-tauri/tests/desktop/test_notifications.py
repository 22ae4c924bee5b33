"""System notifications: few, and a click leads to the place where something can be done."""

import unittest

from case import Case
from client import status_of
from session import wait_for


class Notify(Case):
    def use_up_alice(self, program):
        """The demo's first account has two calls in each family."""
        for label in ("bob", "carol", "dora"):
            program.ask("accounts.enable", label=label, enabled=False)
        wait_for("alice to be limited", lambda: status_of(program, "hello") == 429)

    def test_a_limit_is_told_and_a_click_opens_the_accounts(self):
        notifications, tray = self.notifications(), self.tray()
        program = self.start("--hidden")
        # The first look is no news: what the menu shows has been looked at.
        wait_for("the first look", lambda: any(text.startswith("alice") for text in tray.texts()))
        self.use_up_alice(program)
        number, _ = notifications.with_title("limit")
        notifications.click(number)
        self.assertTrue(program.window())


if __name__ == "__main__":
    unittest.main()
