"""What every test begins with: a session of its own, and services of the desktop where the test wants them."""

import unittest

from bus import Loop, Notifications, Tray
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
