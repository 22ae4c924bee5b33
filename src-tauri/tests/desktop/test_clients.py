"""Setting a client up: its snippet with the key in it, and keys of its own."""

import unittest

from case import PageCase
from client import chat, status_with
from program import Refused


LIVED_IN = """# My models
name: Mine
version: 1.0.0
schema: v1
models:
  - name: Local  # keep
    provider: ollama
    model: llama3
"""


class Clients(PageCase):
    place = "clients"

    def continue_file(self):
        path = self.session.home / ".continue/config.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(LIVED_IN)
        self.page.open("overview")
        self.page.open("clients")
        return path

    def state(self, client):
        return next(one for one in self.program.ask("clients.list")["clients"] if one["id"] == client)["state"]["state"]

    def set_up_continue(self):
        self.page.press("Set up Continue")
        self.page.shows("Changes in")
        self.page.press("Set up")
        self.page.shows("Waiting for the first request")
        self.page.press("Done")

    def test_a_client_is_set_up_seen_in_the_log_and_undone_to_the_byte(self):
        path = self.continue_file()
        self.page.press("Set up Continue")
        self.page.shows("Changes in")
        self.assertEqual(path.read_text(), LIVED_IN, "nothing is written before it is confirmed")
        self.page.press("Set up")
        self.page.shows("Waiting for the first request of Continue…")
        self.assertIn(f"apiBase: http://{self.program.address()}/v1", path.read_text().replace('"', ""))
        self.assertIn(self.key("continue"), path.read_text())
        self.assertEqual(status_with(self.program, self.key("continue")), 200)
        chat(self.program, "hello", with_key=self.key("continue"))
        self.page.shows("Continue is connected")
        self.page.press("Done")
        self.page.press("Undo the set-up of Continue")
        self.page.shows("The key “continue” is revoked as well.")
        self.page.press("Undo")
        self.page.shows("Undone: Continue")
        self.assertEqual(path.read_text(), LIVED_IN)
        self.assertEqual(self.state("continue"), "not_set_up")

    def test_a_value_changed_by_hand_is_asked_about_before_undo(self):
        path = self.continue_file()
        self.set_up_continue()
        changed = path.read_text().replace(f"{self.program.address()}/v1", "192.0.2.1:9/v1")
        path.write_text(changed)
        self.page.press("Look again")
        self.page.shows("Changed by hand")
        self.page.press("Undo the set-up of Continue")
        self.page.shows("192.0.2.1:9/v1")
        self.page.press_first("dialog input[value=restore]")
        self.page.shows("Changes in")
        self.page.press("Undo")
        self.page.shows("Undone: Continue")
        self.assertEqual(path.read_text(), LIVED_IN)

    def test_after_a_change_of_the_port_one_confirmation_updates_the_clients(self):
        path = self.continue_file()
        self.set_up_continue()
        before = path.read_text()
        old, new = self.program.address(), self.program.ask("port.switch", **self.program.ask("port.free"))["address"]
        self.page.shows("Update your clients?")
        self.assertEqual(path.read_text(), before, "nothing is written before it is confirmed")
        self.page.press("Update all")
        self.page.shows("Continue uses it at once.")
        self.page.press("Done")
        self.assertEqual(path.read_text(), before.replace(old, new))
        self.page.press("Undo the set-up of Continue")
        self.page.shows("The key “continue” is revoked as well.")
        self.page.press("Undo")
        self.page.shows("Undone: Continue")
        self.assertEqual(path.read_text(), LIVED_IN)
        self.program.ask("port.switch", port=int(old.rsplit(":", 1)[1]))

    def test_a_file_that_cannot_be_read_is_named_and_left_alone(self):
        path = self.session.home / ".continue/config.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text("models: [\n")
        self.addCleanup(path.unlink)
        self.page.open("overview")
        self.page.open("clients")
        self.page.shows("Configuration unreadable")
        self.page.shows(str(path))
        self.assertEqual(path.read_text(), "models: [\n")

    def test_a_snippet_is_copied_with_the_key(self):
        self.page.press("Claude Code")
        self.page.press("Copy: ~/.claude/settings.json")
        self.pasted(f'"ANTHROPIC_AUTH_TOKEN": "{self.key()}"')

    def test_a_value_for_a_dialogue_is_copied(self):
        self.page.press("Zed")
        self.page.press("Copy: API key")
        self.pasted(self.key())

    def test_a_new_key_for_a_client_is_filled_in_and_copied_with_one_click(self):
        self.page.press("Codex")
        self.page.press("New key for Codex")
        self.page.shows("Created the key “codex”")
        self.pasted(f"MAMMOUTH_PROXY_KEY='{self.key('codex')}'")
        self.assertEqual(status_with(self.program, self.key("codex")), 200)

    def test_a_named_key_is_made_and_copied_from_the_list_later(self):
        self.page.press("New key")
        self.page.type(self.page.field("Name"), "laptop")
        self.page.press("Make key")
        self.page.shows("You can also copy it later from the list.")
        self.page.press("Done")
        self.page.press("Copy: laptop")
        self.pasted(self.key("laptop"))

    def test_a_revoked_key_is_refused_at_once(self):
        old = self.program.ask("keys.add", name="old")["key"]
        self.page.open("clients")
        self.assertEqual(status_with(self.program, old), 200)
        self.page.press("More for old")
        self.page.press("Revoke")
        self.page.shows("Revoke old?")
        self.page.press("Revoke")
        self.page.shows("Revoked: old")
        self.assertEqual(status_with(self.program, old), 401)

    def test_w09_a_command_of_the_page_copies_no_key_that_is_not_there(self):
        with self.assertRaises(Refused) as refused:
            self.program.ask("keys.copy", name="nobody", template="{{MAMMOUTH_PROXY_KEY}}")
        self.assertEqual(refused.exception.code, "not_found")


if __name__ == "__main__":
    unittest.main()
