"""Accounts: added, paused, renamed, ordered, removed."""

import unittest

from case import PageCase
from client import status_of
from session import wait_for


class Accounts(PageCase):
    place = "accounts"

    def labels(self):
        return [one["label"] for one in self.program.ask("accounts.list")]

    def shown(self):
        """The labels as the page lists them."""
        labels = self.labels()
        return [line for line in self.page.text().splitlines() if line in labels]

    def account(self, label):
        return next(one for one in self.program.ask("accounts.list") if one["label"] == label)

    def of(self, label, entry):
        """Chooses from an account's menu."""
        self.page.press(f"More for {label}")
        self.page.press(entry)

    def test_an_account_is_paused_and_resumed(self):
        self.page.press_within("li", "carol", "Pause")
        wait_for("carol to be paused", lambda: self.account("carol")["state"] == "disabled")
        self.page.press_within("li", "carol", "Resume")
        wait_for("carol to be used again", lambda: self.account("carol")["state"] == "ready")

    def test_one_account_is_used_alone(self):
        self.of("bob", "Use only this")
        wait_for("only bob", lambda: self.account("bob")["only"])
        self.assertEqual(status_of(self.program, "hello"), 200)
        self.assertEqual(self.program.ask("log.latest", limit=1)[0]["account"], "bob")
        self.of("bob", "Use the others too")
        wait_for("all of them", lambda: not self.account("bob")["only"])

    def test_the_order_is_changed(self):
        before = self.labels()
        self.of(before[1], "Move up")
        wait_for("another order", lambda: self.labels()[:2] == [before[1], before[0]])
        # The menu moves an account from where the page shows it.
        wait_for("the page to follow", lambda: self.shown() == self.labels())
        self.of(before[1], "Move down")
        wait_for("the first order", lambda: self.labels() == before)

    def test_all_are_tested(self):
        self.page.press("Test all")
        self.page.shows(" fine.")

    def test_a_cookie_that_mammouth_does_not_know_is_refused_beside_the_field(self):
        self.program.ask("settings.accept_terms")
        self.page.open(self.place)
        before = self.labels()
        self.page.press("Add account")
        self.page.press_first("input[value=cookie]", through="label")
        self.page.type(self.page.field("Cookie"), "auth_session=canary-not-a-session-1")
        self.page.press("Test and add")
        wait_for("the refusal", lambda: self.program.run("return document.querySelector('dialog [role=alert]')?.innerText"))
        self.assertEqual(self.labels(), before)

    def test_who_is_next_is_explained(self):
        self.page.press("Check")
        wait_for("a name", lambda: any(label in self.page.text() for label in self.labels()))


if __name__ == "__main__":
    unittest.main()
