"""What every test begins with: a session of its own, and services of the desktop where the test wants them."""

import unittest

from bus import Loop, Notifications, Tray
from client import key
from driver import Driven
from page import Page
from program import Program
from session import Display, Session, wait_for


class Case(unittest.TestCase):
    """One display for all tests of a file, one session for each test."""

    keyring = False

    @classmethod
    def setUpClass(cls):
        cls.display = Display()
        cls.addClassCleanup(cls.display.close)

    def setUp(self):
        self.session = Session(self.display, self.keyring)
        self.addCleanup(self.session.close)

    def tray(self):
        """A tray, there before the program."""
        return self._service(Tray)

    def notifications(self):
        return self._service(Notifications)

    def _service(self, kind):
        loop = Loop()
        loop.__enter__()
        self.addCleanup(loop.__exit__)
        service = kind(loop, self.session.address)
        self.addCleanup(service.close)
        return service

    def start(self, *arguments, **options):
        """The program, once it listens and its desktop part has come up behind."""
        program = Program(self.session, *arguments, **options)
        self.addCleanup(program.close)
        program.listening()
        wait_for("the desktop part", lambda: program.ask("status")["desktop"])
        return program


class PageCase(unittest.TestCase):
    """One program in demo mode with its window open, for all tests of a class. Each begins on the page `place`."""

    place = "overview"
    keyring = False
    demo = True
    welcomed = True

    @classmethod
    def setUpClass(cls):
        cls.display = Display()
        cls.addClassCleanup(cls.display.close)
        cls.session = Session(cls.display, cls.keyring)
        cls.addClassCleanup(cls.session.close)
        cls.program = Driven(cls.session, demo=cls.demo, **cls.environment())
        cls.addClassCleanup(cls.program.close)
        wait_for("the desktop part", cls.program.is_up)
        cls.page = Page(cls.program)
        if cls.welcomed:
            cls.program.ask("settings.welcomed")

    @classmethod
    def environment(cls):
        """Variables for the program."""
        return {}

    def setUp(self):
        self.page.open(self.place)

    def pasted(self, text):
        """Waits until another program would paste something that holds this."""
        return wait_for(f"'{text}' on the clipboard", lambda: text in self.display.clipboard())

    def key(self, name="main"):
        return key(self.program, name)

    def setting(self, name):
        return next(one for one in self.program.ask("settings.get") if one["name"] == name)["value"]
