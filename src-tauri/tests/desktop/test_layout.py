"""Nothing on a page is cut off, in the window's own engine and at the sizes that people have."""

import pathlib
import unittest

from case import PageCase
from client import status_of
from session import wait_for

# The check that the pages are held to in Chromium, too.
CLIPPED = (pathlib.Path(__file__).resolve().parents[3] / "ui/e2e/clipped.mjs").read_text().replace("export ", "")
PAGES = ["overview", "accounts", "requests", "models", "clients", "settings"]


class Layout(PageCase):
    place = "overview"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for model in ["gpt-5", "claude-sonnet-4-20250514", "grok-4"]:
            status_of(cls.program, "hello", model=model)

    def check(self, width, height):
        window = self.program.windows()[0]
        self.display.run("xdotool", "windowsize", "--sync", window, str(width), str(height))
        wait_for("the size", lambda: self.program.run("return [innerWidth, innerHeight]") == [width, height])
        for name in PAGES:
            with self.subTest(page=name):
                self.page.open(name)
                self.page.find(f'a[href="#/{name}"][aria-current=page]', "", exact=False)
                loading = "return document.querySelector('main [role=status][aria-label]')"
                wait_for("the page", lambda: self.program.run(loading) is None)
                self.assertEqual(self.program.run(f"{CLIPPED}\nreturn clipped();"), [])

    def test_nothing_is_cut_off_at_the_default_size(self):
        self.check(1100, 760)

    def test_nothing_is_cut_off_in_a_small_window(self):
        self.check(900, 640)


if __name__ == "__main__":
    unittest.main()
