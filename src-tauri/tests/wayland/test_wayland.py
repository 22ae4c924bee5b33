"""The desktop program on Wayland: its window, its tray, and which window has the focus after a second start.

sway draws into memory and tells over its socket which windows there are. It refuses to run as root."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import activation
from bus import Loop, Tray
from program import Program
from session import SECONDS, Session, stop, wait_for

APPLICATION_ID = "dev.mammouthproxy.MammouthProxy"
OTHER_ID = "another-program"


class Sway:
    """A compositor without a screen, in a folder of its own."""

    # There is no X11 display.
    name = None

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.socket = self.folder / "wayland-1"
        config = self.folder / "config"
        config.write_text("output HEADLESS-1 mode 1280x860\nxwayland disable\nfocus_on_window_activation focus\n")
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "XDG_RUNTIME_DIR": str(self.folder),
            "WLR_BACKENDS": "headless", "WLR_LIBINPUT_NO_DEVICES": "1", "WLR_RENDERER": "pixman",
            "SWAYSOCK": str(self.folder / "sway.sock")}
        self.log = (self.folder / "log").open("w")
        self.process = subprocess.Popen(
            ["sway", "--config", config], env=self.environment, stdout=self.log, stderr=subprocess.STDOUT)
        wait_for("sway", lambda: self.socket.exists() and (self.folder / "sway.sock").exists())

    def windows(self):
        """The windows: application id, id and whether it has the focus."""
        tree = subprocess.run(
            ["swaymsg", "--type", "get_tree", "--raw"], env=self.environment, capture_output=True, text=True, check=True)

        def below(node):
            if node.get("app_id"):
                yield node["app_id"], node["id"], node["focused"]
            for child in node["nodes"] + node["floating_nodes"]:
                yield from below(child)
        return list(below(json.loads(tree.stdout)))

    def window(self, application):
        """The id of a program's window; `None` where it has none."""
        return next((window for name, window, _ in self.windows() if name == application), None)

    def focused(self):
        """The application id of the window with the focus."""
        return next((name for name, _, focused in self.windows() if focused), None)

    def close_window(self, application):
        """As the user does, with the compositor's key for it."""
        subprocess.run(
            ["swaymsg", f'[app_id="{application}"] kill'], env=self.environment, capture_output=True, check=True)
        wait_for("the window to close", lambda: self.window(application) is None)

    def close(self):
        stop(self.process)
        self.log.close()


class WaylandSession(Session):
    """A home and a session bus beside a compositor."""

    def environment(self, **more):
        return super().environment(
            GDK_BACKEND="wayland", WAYLAND_DISPLAY=str(self.display.socket), **more)


class Wayland(unittest.TestCase):
    def setUp(self):
        self.sway = Sway()
        self.addCleanup(self.sway.close)
        self.session = WaylandSession(self.sway)
        self.addCleanup(self.session.close)

    def start(self):
        program = Program(self.session)
        self.addCleanup(program.close)
        program.listening()
        wait_for("its window", lambda: self.sway.window(APPLICATION_ID))
        wait_for("the focus", lambda: self.sway.focused() == APPLICATION_ID)
        return program

    def cover(self):
        """Another program's window takes the focus."""
        other = subprocess.Popen(
            ["foot", "--app-id", OTHER_ID, "sleep", "600"], env=self.session.environment(), stderr=subprocess.DEVNULL)
        self.addCleanup(stop, other)
        wait_for("the other window", lambda: self.sway.focused() == OTHER_ID)

    def start_again(self, program, **environment):
        """The second start of the same program, which ends at once."""
        ended = subprocess.run(
            program.command, cwd=self.session.home, env=self.session.environment(**environment), capture_output=True,
            text=True, timeout=SECONDS, check=False)
        self.assertEqual(ended.returncode, 0, ended.stderr)

    def test_the_window_has_the_name_of_the_desktop_entry(self):
        self.start()
        self.assertEqual([name for name, _, _ in self.sway.windows()], [APPLICATION_ID])

    def test_a_second_start_with_a_token_brings_the_same_window_to_the_front(self):
        program = self.start()
        window = self.sway.window(APPLICATION_ID)
        self.cover()
        self.start_again(program, XDG_ACTIVATION_TOKEN=activation.token(self.sway.socket))
        wait_for("the focus", lambda: self.sway.focused() == APPLICATION_ID)
        self.assertEqual(self.sway.window(APPLICATION_ID), window)

    def test_a_second_start_without_a_token_brings_the_window_to_the_front(self):
        program = self.start()
        self.cover()
        self.start_again(program)
        wait_for("the focus", lambda: self.sway.focused() == APPLICATION_ID)

    def test_what_was_copied_stays_when_the_window_is_closed(self):
        program = self.start()
        # Only a program that was given a key or a click may copy.
        self.output(["wtype", "-k", "Shift_L"])
        program.ask("clipboard.copy", text="http://127.0.0.1:1/é")
        pasted = ["wl-paste", "--no-newline"]
        wait_for("the text", lambda: self.output(pasted) == "http://127.0.0.1:1/é")
        self.sway.close_window(APPLICATION_ID)
        self.assertEqual(self.output(pasted), "http://127.0.0.1:1/é")
        self.assertNotEqual(program.window_processes(), [])
        other = subprocess.Popen(["wl-copy", "--foreground", "something else"], env=self.session.environment())
        self.addCleanup(stop, other)
        wait_for("the window's process to end", lambda: not program.window_processes())
        self.assertTrue(program.is_alive())

    def output(self, command):
        """What a program of the session prints."""
        return subprocess.run(
            command, env=self.session.environment(), capture_output=True, text=True, timeout=SECONDS, check=False).stdout

    def test_the_tray_can_be_asked(self):
        loop = Loop()
        loop.__enter__()
        self.addCleanup(loop.__exit__)
        tray = Tray(loop, self.session.address)
        self.addCleanup(tray.close)
        self.start()
        tray.item()
        wait_for("the menu", lambda: "Quit" in tray.texts())


if __name__ == "__main__":
    unittest.main()
