"""The request log: found, opened, exported, cleared."""

import csv
import json
import stat
import unittest

from bus import FileManager, Loop
from case import PageCase
from client import chat, status_of
from session import wait_for


class Requests(PageCase):
    place = "requests"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        loop = Loop()
        loop.__enter__()
        cls.addClassCleanup(loop.__exit__)
        cls.files = FileManager(loop, cls.session.address)
        cls.addClassCleanup(cls.files.close)

    def setUp(self):
        status_of(self.program, "hello")
        status_of(self.program, "hello", model="no-such-model")
        wait_for("the records", lambda: self.program.ask("log.count") >= 2)
        super().setUp()

    def newest(self, **query):
        return self.program.ask("log.latest", limit=1, **query)[0]

    def save_dialogue(self, format_name):
        """Opens the system's dialogue; its window. What comes late to the page would move its buttons."""
        self.page.shows(f"{self.program.ask('log.count')} requests")
        self.page.first(".list-row")
        self.page.press("Export")
        self.page.press(format_name)
        return wait_for("the dialogue", lambda: self.program.windows("^Save requests$"))[0]

    def save_as(self, format_name, path):
        """What a person does there: the whole path, then Enter."""
        window = self.save_dialogue(format_name)
        self.display.run("xdotool", "windowfocus", "--sync", window, "key", "ctrl+a", "type", "--delay", "1", str(path))
        self.display.run("xdotool", "key", "Return")
        wait_for("the dialogue to close", lambda: not self.program.windows("^Save requests$"))

    def test_the_log_is_saved_where_the_user_says_and_shown_there(self):
        path = self.session.home / "log of today.csv"
        self.save_as("CSV", path)
        count = self.program.ask("log.count")
        self.page.shows(f"Saved {count} requests to {path}")
        rows = list(csv.DictReader(path.read_text().splitlines()))
        self.assertEqual(len(rows), count)
        self.assertEqual(rows[-1]["request_id"], self.newest()["request_id"])
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertNotIn(self.key(), path.read_text())
        self.page.press("Show in folder")
        wait_for("the file manager to be asked", lambda: self.files.shown == [path.as_uri()])

    def test_other_forms_are_saved_too(self):
        path = self.session.home / "log.jsonl"
        self.save_as("JSON Lines", path)
        self.page.shows(f"requests to {path}")
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        self.assertEqual(lines[-1]["id"], self.newest()["id"])
        path = self.session.home / "log.har"
        self.save_as("HAR", path)
        self.page.shows(f"requests to {path}")
        self.assertEqual(len(json.loads(path.read_text())["log"]["entries"]), len(lines))

    def test_a_dialogue_that_is_closed_saves_nothing_and_says_nothing(self):
        before = set(self.session.home.rglob("*.csv"))
        window = self.save_dialogue("CSV")
        self.display.run("wmctrl", "-i", "-c", window)
        wait_for("the dialogue to close", lambda: not self.program.windows("^Save requests$"))
        self.assertEqual(set(self.session.home.rglob("*.csv")), before)
        self.page.lacks("Saved ")

    def test_f51_a_file_that_cannot_be_written_is_told(self):
        # No user may make files in this file system of the kernel's, not even root.
        self.save_as("CSV", "/proc/self/log.csv")
        self.page.shows("The file was not saved.")
        self.page.lacks("Saved ")

    def test_w09_no_command_takes_a_path_from_the_page(self):
        refused = self.program.invoke("control", name="log.show_saved", args={"path": "/etc/passwd"})
        self.assertNotIn("/etc/passwd", json.dumps(self.files.shown) + json.dumps(refused))

    def test_a_request_is_opened_and_its_id_copied(self):
        self.page.press_first(".list-row")
        self.page.shows("Response headers")
        self.page.press("Copy: Request id")
        self.pasted(self.newest()["request_id"])

    def test_the_log_is_searched(self):
        field = self.page.first("input[type=search]")
        self.page.type(field, "no-such-model")
        failed = self.program.ask("log.count", text="no-such-model")
        self.page.shows(f"{failed} request")
        self.assertGreater(self.program.ask("log.count"), failed)

    def test_the_log_is_cleared_only_when_one_says_so_twice(self):
        self.page.press("Clear")
        self.page.shows("Clear the log?")
        self.assertGreater(self.program.ask("log.count"), 0)
        self.page.press("Clear")
        self.page.shows("The log is empty.")
        self.assertEqual(self.program.ask("log.count"), 0)

    def test_a_request_appears_as_it_ends(self):
        self.program.ask("log.clear")
        self.page.open(self.place)
        self.page.shows("No requests yet")
        with chat(self.program, "hello") as answer:
            answer.read()
        self.page.shows("1 request")


if __name__ == "__main__":
    unittest.main()
