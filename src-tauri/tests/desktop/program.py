"""The program under test, and the control door that every test may use."""

import json
import os
import pathlib
import signal
import subprocess
import urllib.error
import urllib.request

from session import SECONDS, stop, wait_for

PROGRAM = os.environ["MAMMOUTH_PROXY_DESKTOP_BIN"]


class Refused(Exception):
    """What a command of the control table answers instead of a result."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


def children(pid):
    """The names of all processes below one, by id."""
    found = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        name = stat[stat.index("(") + 1:stat.rindex(")")]
        state, parent = stat[stat.rindex(")") + 2:].split()[:2]
        if int(parent) == pid and state != "Z":
            found[int(entry.name)] = name
            found.update(children(int(entry.name)))
    return found


class Program:
    """One run of the desktop program. `--demo` unless the environment says where Mammouth is."""

    def __init__(self, session, *arguments, demo=True, port="0", **environment):
        self.session = session
        self.data = session.home / "data"
        self.output = (session.home / f"output-{os.urandom(4).hex()}").open("w+")
        self.command = [PROGRAM, "--port", port, "--data-dir", str(self.data), *(["--demo"] if demo else []), *arguments]
        self.folder = self.data / "demo" if demo else self.data
        self.process = subprocess.Popen(
            self.command, cwd=session.home, env=session.environment(**environment),
            stdout=self.output, stderr=subprocess.STDOUT)

    def said(self):
        return pathlib.Path(self.output.name).read_text()

    def listening(self):
        """Its address, once it answers; an assertion with all it said where it ends before."""
        def address():
            assert self.process.poll() is None, self.said()
            lines = [line for line in self.said().splitlines() if line.startswith("listening on ")]
            return lines and lines[0].removeprefix("listening on ")
        return wait_for("the program to listen", address)

    def address(self):
        """Where it listens now."""
        return json.loads((self.folder / "instance.json").read_text())["address"]

    def ends(self):
        """Its exit code."""
        return self.process.wait(SECONDS)

    def ask(self, name, /, **arguments):
        """Carries out a command of the control table."""
        token = (self.folder / "control-token").read_text().strip()
        request = urllib.request.Request(
            f"http://{self.address()}/control/{name}", json.dumps(arguments).encode(),
            {"authorization": f"Bearer {token}", "content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            with refusal:
                error = json.load(refusal)["error"]
            raise Refused(error["code"], error["message"]) from None

    def is_alive(self):
        with urllib.request.urlopen(f"http://{self.address()}/healthz", timeout=SECONDS) as answer:
            return answer.status == 200

    def webkit(self):
        """The processes of WebKit, by id."""
        return {pid: name for pid, name in children(self.process.pid).items() if name.startswith("WebKit")}

    def window_processes(self):
        """The ids of the processes that the program starts for its windows."""
        return [pid for pid, name in children(self.process.pid).items() if name == "mammouth-window"]

    def settled_webkit(self):
        """Those that WebKit knows already. It aborts the whole program where one is killed before."""
        def listens(pid):
            try:
                names = [(task / "comm").read_text().strip() for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]
            except OSError:
                return False
            return "ReceiveQueue" in names
        return {pid: name for pid, name in self.webkit().items() if listens(pid)}

    def windows(self, title="^Mammouth Proxy$"):
        return self.session.display.windows(title)

    def window(self, title="^Mammouth Proxy$"):
        """The id of its window, once it is there."""
        def found():
            assert self.process.poll() is None, self.said()
            return self.windows(title)
        return wait_for(f"the window '{title}'", found)[0]

    def close_window(self):
        """As the user does, with the button of the window manager."""
        self.session.display.run("wmctrl", "-i", "-c", self.window())
        wait_for("the window to close", lambda: not self.windows())

    def close(self):
        stop(self.process, signal.SIGTERM)
        self.output.close()
