"""Setting a client up: its snippet with the key in it, and keys of its own."""

import unittest

from case import PageCase
from client import status_with
from program import Refused


class Clients(PageCase):
    place = "clients"

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
