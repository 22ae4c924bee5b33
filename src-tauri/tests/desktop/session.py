"""A desktop session of its own for the tests: a display, a window manager, a bus, a keyring, and a home that is thrown away."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

# How long anything may take until a test gives up; a machine may be slow.
SECONDS = int(os.environ.get("TEST_SECONDS", "60"))


def wait_for(what, fact, seconds=SECONDS):
    """Polls until `fact()` is true, and returns what it gave. Nothing here depends on how long anything takes."""
    end = time.monotonic() + seconds
    while True:
        found = fact()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain for: {what}")
        time.sleep(0.05)


def stop(process, with_signal=signal.SIGTERM):
    if process.poll() is None:
        process.send_signal(with_signal)
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Display:
    """A virtual display on a free number, with a window manager."""

    def __init__(self):
        read, write = os.pipe()
        # Without -noreset the display ends all it has when the last program leaves it, such as the window manager that comes
        # just then.
        command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1440x900x24", "-nolisten", "tcp", "-noreset"]
        self.server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as numbers:
            number = numbers.readline().strip()
        if not number:
            raise RuntimeError("Xvfb gave no display")
        self.name = f":{number}"
        self.home = tempfile.mkdtemp()
        environment = {"PATH": os.environ["PATH"], "HOME": self.home, "DISPLAY": self.name}
        self.manager = subprocess.Popen(["openbox"], env=environment, stderr=subprocess.DEVNULL)
        wait_for("the window manager", lambda: "_NET_SUPPORTING_WM_CHECK" in self.run("xprop", "-root", "-notype"))

    def run(self, *command):
        environment = {"PATH": os.environ["PATH"], "HOME": self.home, "DISPLAY": self.name}
        return subprocess.run(command, env=environment, capture_output=True, text=True).stdout

    def windows(self, title):
        """The ids of the windows that the window manager has, by a pattern of their titles. While it takes one in, a
        window is shown, hidden and shown again, which says nothing about the program."""
        rows = (line.split(maxsplit=3) for line in self.run("wmctrl", "-l").splitlines())
        return [row[0] for row in rows if len(row) == 4 and re.search(title, row[3])]

    def clipboard(self):
        """The text that another program would paste."""
        return self.run("timeout", "5", "xclip", "-o", "-selection", "clipboard")

    def close(self):
        stop(self.manager)
        stop(self.server)
        shutil.rmtree(self.home, ignore_errors=True)


class Session:
    """A home and a session bus. A program in it sees nothing of whoever runs the tests."""

    def __init__(self, display, keyring=False):
        self.display = display
        self.home = pathlib.Path(tempfile.mkdtemp())
        (self.home / "run").mkdir(mode=0o700)
        self.bus_daemon = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=self.environment())
        self.address = self.bus_daemon.stdout.readline().strip()
        self.keyring = self._unlock() if keyring else None

    def _unlock(self):
        daemon = subprocess.Popen(
            ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.environment())
        daemon.stdin.write(b"test")
        daemon.stdin.close()
        return daemon

    def environment(self, **more):
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            "DISPLAY": self.display.name,
            "GDK_BACKEND": "x11",
            "LANG": "C.UTF-8",
            "NO_AT_BRIDGE": "1",
        }
        if hasattr(self, "address"):
            environment["DBUS_SESSION_BUS_ADDRESS"] = self.address
        environment.update(more)
        return {name: value for name, value in environment.items() if value is not None}

    def close(self):
        if self.keyring:
            stop(self.keyring)
        stop(self.bus_daemon)
        self.bus_daemon.stdout.close()
        shutil.rmtree(self.home, ignore_errors=True)
