"""The first page: whether it works, and the two lines that every client needs."""

import unittest

from case import PageCase
from client import status_of


class Overview(PageCase):
    def test_the_base_url_is_copied(self):
        self.page.press("Copy: Base URL")
        self.pasted(f"http://{self.program.address()}/v1")

    def test_the_key_is_copied_and_works(self):
        self.page.press("Copy: API key")
        self.pasted(self.key())
        self.assertEqual(status_of(self.program, "hello"), 200)

    def test_the_key_is_shown_and_hidden(self):
        self.page.lacks(self.key())
        self.page.press("Show the key")
        self.page.shows(self.key())
        self.page.press("Show the key")
        self.page.lacks(self.key())


if __name__ == "__main__":
    unittest.main()
