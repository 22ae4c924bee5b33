"""Settings: each counts at once, and is in the file."""

import unittest
import urllib.error
import urllib.request

from case import PageCase
from client import status_of
from session import wait_for


class Settings(PageCase):
    place = "settings"

    def file(self):
        return (self.program.folder / "settings.toml").read_text()

    def test_the_port_is_switched_and_the_old_one_closes(self):
        old = self.program.address()
        self.page.press("Find a free port")
        self.page.press("Switch")
        self.page.shows("Clients must use the new address.")
        wait_for("another address", lambda: self.program.address() != old)
        self.assertEqual(status_of(self.program, "hello"), 200)
        with self.assertRaises(urllib.error.URLError):
            urllib.request.urlopen(f"http://{old}/healthz", timeout=5)

    def test_bodies_are_kept_from_now_on(self):
        self.page.press("Record prompts and replies", "[role=switch]")
        wait_for("the setting", lambda: self.setting("keep_bodies"))
        self.assertEqual(status_of(self.program, "canary of a body"), 200)
        last = self.program.ask("log.latest", limit=1)[0]["id"]
        self.assertIn("canary of a body", self.program.ask("log.bodies", id=last)["request"])
        self.page.press("Record prompts and replies", "[role=switch]")
        wait_for("the setting", lambda: not self.setting("keep_bodies"))

    def test_a_number_is_saved_and_put_back(self):
        usual = self.setting("log_days")
        field = self.page.field("Keep requests (days)")
        self.page.type(field, f"{usual + 15}\t")
        wait_for("the setting", lambda: self.setting("log_days") == usual + 15)
        wait_for("the file", lambda: f"log_days = {usual + 15}" in self.file())
        self.page.press("Back to the default: Keep requests (days)")
        wait_for("the default", lambda: self.setting("log_days") == usual)
        wait_for("the file", lambda: "log_days" not in self.file())

    def test_the_language_changes_at_once(self):
        self.addCleanup(self.program.ask, "settings.set", name="language", value="en")
        self.page.choose(self.page.field("Language"), "fr")
        self.page.shows("Réglages")
        wait_for("the file", lambda: 'language = "fr"' in self.file())

    def test_the_order_of_accounts_is_chosen(self):
        self.page.choose(self.page.field("Routing"), "fill-first")
        wait_for("the setting", lambda: self.setting("strategy") == "fill-first")

    def test_it_starts_at_login(self):
        entry = self.session.home / ".config/autostart/dev.mammouthproxy.MammouthProxy.desktop"
        self.page.press("Start at login", "[role=switch]")
        wait_for("the entry", lambda: entry.exists() and "--hidden" in entry.read_text())
        self.page.press("Start at login", "[role=switch]")
        wait_for("the entry to go", lambda: not entry.exists())


if __name__ == "__main__":
    unittest.main()
