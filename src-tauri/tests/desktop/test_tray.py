"""The tray's menu, read and clicked over the bus as a panel does."""

import stat
import unittest

from case import Case
from client import key, status_of
from program import Refused
from session import wait_for


class TheTray(Case):
    def setUp(self):
        super().setUp()
        (self.session.home / ".claude").mkdir()
        self.panel = self.tray()
        self.program = self.start("--hidden")
        wait_for("the accounts", lambda: any(text.startswith("alice") for text in self.panel.texts()))

    def shows(self, beginning):
        wait_for(f"'{beginning}' in the menu",
                 lambda: any(text.startswith(beginning) for text in self.panel.texts()))

    def copied(self):
        return self.display.clipboard()

    def account(self, label):
        return next(one for one in self.program.ask("accounts.list") if one["label"] == label)

    def setting(self, name):
        return next(one for one in self.program.ask("settings.get") if one["name"] == name)["value"]

    def test_it_says_whether_one_can_work(self):
        self.shows(f"Demo · Serving on {self.program.address()}")
        self.panel.click("Stop serving")
        self.shows("Demo · Stopped")
        wait_for("clients to be refused", lambda: status_of(self.program, "hello") == 503)
        wait_for("another picture", lambda: self.panel.picture().endswith(".png"))
        self.panel.click("Start serving")
        self.shows("Demo · Serving on")
        self.assertEqual(status_of(self.program, "hello"), 200)

    def test_an_account_is_paused_and_resumed(self):
        self.panel.click("alice", "Pause")
        self.shows("alice — paused")
        self.assertEqual(self.account("alice")["state"], "disabled")
        self.panel.click("alice", "Resume")
        self.shows("alice — ready")

    def test_one_account_is_used_alone(self):
        self.panel.click("bob", "Use only this account")
        wait_for("only bob", lambda: self.account("bob")["only"])
        self.panel.click("bob", "Use all accounts again")
        wait_for("all of them", lambda: not self.account("bob")["only"])

    def test_the_order_of_accounts_is_chosen(self):
        self.panel.click("Routing", "One at a time")
        wait_for("the mark", lambda: self.panel.mark("Routing", "One at a time"))
        wait_for("the only mark", lambda: not self.panel.mark("Routing", "Balanced"))
        self.assertEqual(self.setting("strategy"), "fill-first")

    def test_what_is_copied(self):
        base = f"http://{self.program.address()}/v1"
        self.panel.click("Copy base URL")
        wait_for("the address", lambda: self.copied() == base)
        self.panel.click("Copy API key")
        wait_for("the key", lambda: self.copied() == key(self.program))
        self.panel.click("Copy environment variables", "fish")
        wait_for("the lines", lambda: f"set -gx OPENAI_BASE_URL '{base}'" in self.copied())

    def test_clients_show_their_state_and_the_launch_command_is_copied(self):
        self.shows("Claude Code — not set up")
        self.panel.click("Clients", "Claude Code", "Copy launch command")
        wait_for("the command", lambda: self.copied() == "mammouth-proxy launch claude-code")

    def test_it_starts_at_login_hidden(self):
        entry = self.session.home / ".config/autostart/dev.mammouthproxy.MammouthProxy.desktop"
        # The menu marks what was clicked before it is done.
        self.panel.click("Start at login")
        wait_for("the entry", lambda: entry.exists() and "--hidden\n" in entry.read_text())
        wait_for("the mark", lambda: self.panel.mark("Start at login"))
        self.panel.click("Start at login")
        wait_for("the entry to go", lambda: not entry.exists())
        wait_for("no mark", lambda: not self.panel.mark("Start at login"))

    def test_it_opens_the_window(self):
        self.panel.click("Requests")
        self.assertTrue(self.program.window())

    def test_quit_ends_with_0(self):
        self.panel.click("Quit")
        self.assertEqual(self.program.ends(), 0, self.program.said())

    def test_l05_the_pictures_lie_where_only_the_user_can_look(self):
        picture = wait_for("the picture", self.panel.picture)
        self.assertTrue(picture.startswith(str(self.program.folder)), picture)
        folder = self.program.folder.stat()
        self.assertEqual(stat.S_IMODE(folder.st_mode), 0o700)

    def test_the_last_error_is_there_with_what_to_do(self):
        for label in ("alice", "bob", "carol", "dora"):
            self.program.ask("accounts.enable", label=label, enabled=False)
        self.assertEqual(status_of(self.program, "hello"), 503)
        self.shows("Last error: ")


class NoTray(Case):
    def test_a_desktop_without_a_tray_is_told_once(self):
        notifications = self.notifications()
        first = self.start("--hidden")
        notifications.with_title("without a tray icon")
        first.ask("window.open")
        self.assertTrue(first.window())
        first.close()
        second = self.start("--hidden")

        def noticed():
            return [one for one in second.ask("status")["notices"] if "tray icons" in one["text"]]
        wait_for("the notice in the window", noticed)
        self.assertEqual(len(notifications.shown), 1)

    def test_without_its_library_it_serves_and_shows_its_window(self):
        broken = self.session.home / "broken"
        broken.mkdir()
        for name in ("libayatana-appindicator3", "libappindicator3"):
            for end in (".so.1", ".so"):
                (broken / (name + end)).write_text("no library")
        program = self.start(LD_LIBRARY_PATH=str(broken))
        self.assertTrue(program.window())
        self.assertIn("is not installed", program.said())
        self.assertTrue(program.is_alive())

    def test_commands_of_the_desktop_refuse_what_is_none(self):
        program = self.start("--hidden")
        with self.assertRaises(Refused) as refused:
            program.ask("window.open", page="../../etc/passwd")
        self.assertEqual(refused.exception.code, "bad_arguments")


if __name__ == "__main__":
    unittest.main()
