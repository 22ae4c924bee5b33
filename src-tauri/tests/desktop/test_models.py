"""Models: found, copied, tested, given another name."""

import unittest

from case import PageCase
from client import status_of
from session import wait_for


class Models(PageCase):
    place = "models"

    def models(self):
        return self.program.ask("models.list")

    def test_a_name_is_copied(self):
        name = self.models()[0]["id"]
        self.page.press(f"Copy: {name}")
        self.pasted(name)

    def test_a_model_is_tested(self):
        before = self.program.ask("log.count")
        name = next(one["id"] for one in self.models() if one["served_now"])
        self.page.press(f"Test {name}")
        wait_for("its request in the log", lambda: self.program.ask("log.count") > before)
        self.assertEqual(self.program.ask("log.latest", limit=1)[0]["model_asked"], name)

    def test_the_list_is_searched(self):
        field = self.page.first("input[type=search]")
        self.page.type(field, "no such model anywhere")
        self.page.shows("No model fits the search.")

    def test_an_alias_is_made_used_and_removed(self):
        target = next(one["id"] for one in self.models() if one["served_now"])
        self.page.type(self.page.find("input", "Requested name"), "shorty")
        self.page.type(self.page.find("input", "Use model"), target)
        self.page.press("Add")
        self.page.shows("Alias saved: shorty")
        self.assertEqual(status_of(self.program, "hello", model="shorty"), 200)
        self.assertIn("shorty", (self.program.folder / "settings.toml").read_text())
        self.page.press("Remove alias shorty")
        wait_for("the alias to go", lambda: all(one["id"] != "shorty" for one in self.models()))


if __name__ == "__main__":
    unittest.main()
