"""The page inside the program's own window, driven through WebKit's driver. It starts the program itself."""

import json
import socket
import subprocess
import urllib.error
import urllib.request

from program import PROGRAM, Program
from session import SECONDS, stop, wait_for


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Driven(Program):
    """One run of the program, with its page."""

    def __init__(self, session, *arguments, demo=True, **environment):
        self.session = session
        self.data = session.home / "data"
        self.folder = self.data / "demo" if demo else self.data
        port = free_port()
        self.base = f"http://127.0.0.1:{port}"
        self.output = (session.home / "driver-output").open("w+")
        self.process = subprocess.Popen(
            ["WebKitWebDriver", f"--port={port}"], cwd=session.home,
            env=session.environment(TAURI_WEBVIEW_AUTOMATION="true", **environment),
            stdout=self.output, stderr=subprocess.STDOUT)
        wait_for("the driver", self._is_ready)
        arguments = ["--port", "0", "--data-dir", str(self.data), *(["--demo"] if demo else []), *arguments]
        options = {"webkitgtk:browserOptions": {"binary": PROGRAM, "args": arguments}}
        answer = self._send("POST", "/session", {"capabilities": {"alwaysMatch": options}})
        self.page = f"/session/{answer['sessionId']}"

    def _is_ready(self):
        try:
            return self._send("GET", "/status")["ready"]
        except (urllib.error.URLError, ConnectionError):
            return False

    def _send(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"content-type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"the driver answered {error.read().decode()}") from None

    def is_up(self):
        """Whether the program answers and its desktop part has come up."""
        try:
            return self.ask("status")["desktop"]
        except (FileNotFoundError, urllib.error.URLError, ConnectionError):
            return False

    def run(self, script, *arguments):
        """Runs a script in the page; what it returns, or what its promise becomes."""
        return self._send("POST", f"{self.page}/execute/sync", {"script": script, "args": list(arguments)})

    def invoke(self, command, **arguments):
        """A command of the program, as the page asks for it: `["ok", answer]` or `["refused", why]`."""
        return self.run(
            "return window.__TAURI_INTERNALS__.invoke(arguments[0], arguments[1])"
            ".then((answer) => ['ok', answer], (why) => ['refused', why])", command, arguments)

    def element(self, element, action, arguments):
        """What a person does with an element: `click`, `clear`, `value`."""
        return self._send("POST", f"{self.page}/element/{element}/{action}", arguments)

    def refresh(self):
        """Loads the page again, and waits until it is there."""
        self._send("POST", f"{self.page}/refresh", {})

    def text(self):
        return self.run("return document.body.innerText")

    def address_bar(self):
        return self._send("GET", f"{self.page}/url")

    def close(self):
        try:
            self._send("DELETE", self.page)
        except (AssertionError, urllib.error.URLError, ConnectionError):
            pass
        stop(self.process)
        self.output.close()
