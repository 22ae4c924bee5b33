"""The window and the proxy behind it: neither needs the other to live."""

import os
import pathlib
import signal
import socket
import subprocess
import unittest

from case import Case
from client import chat, key, status_of
from program import Program, children
from session import wait_for


class Window(Case):
    def test_a_first_start_serves_and_shows_its_window(self):
        program = self.start()
        self.assertTrue(program.is_alive())
        self.assertTrue(program.window())

    def test_a_hidden_start_serves_without_any_process_of_webkit(self):
        tray = self.tray()
        program = self.start("--hidden")
        tray.item()
        self.assertEqual(program.windows(), [])
        self.assertEqual(program.webkit(), {})

    def test_beside_a_closed_window_lives_no_webkit_and_the_proxy_serves(self):
        program = self.start()
        for _ in range(2):
            program.window()
            wait_for("the page's process", lambda: len(program.webkit()) >= 2)
            program.close_window()
            wait_for("WebKit to end", lambda: not program.webkit())
            self.assertEqual(status_of(program, "hello"), 200)
            program.ask("window.open", page="requests")

    def test_f37_a_killed_page_comes_back_and_the_proxy_never_stopped(self):
        program = self.start()
        program.window()

        def page():
            return [pid for pid, name in program.settled_webkit().items() if name.startswith("WebKitWebProc")]
        old = wait_for("the page's process", page)
        with chat(program, "tell me something long", stream=True) as answer:
            first = answer.readline()
            os.kill(old[0], signal.SIGKILL)
            wait_for("another process", lambda: page() and page() != old)
            rest = answer.read()
        self.assertTrue(first.startswith(b"data: "))
        self.assertIn(b"data: [DONE]", rest)
        self.assertTrue(program.windows())

    def test_a_window_that_is_closed_at_once_takes_nothing_with_it(self):
        program = self.start()

        def opened():
            # Asked again: while the old one is still closing, that is the one that is shown.
            program.ask("window.open")
            return program.windows()
        for _ in range(5):
            wait_for("the window", opened)
            program.close_window()
        wait_for("WebKit to end", lambda: not program.webkit())
        self.assertEqual(status_of(program, "hello"), 200)

    def test_it_can_be_ended_while_the_window_is_on_its_way(self):
        for _ in range(3):
            program = self.start("--hidden")
            program.ask("window.open")
            program.process.send_signal(signal.SIGTERM)
            self.assertEqual(program.ends(), 0, program.said())
            self.assertEqual(program.windows(), [])

    def test_f37_a_killed_window_takes_nothing_with_it_and_opens_again(self):
        program = self.start()
        program.window()
        [pid] = program.window_processes()
        os.kill(pid, signal.SIGKILL)
        wait_for("the window to go", lambda: not program.windows())
        self.assertEqual(status_of(program, "hello"), 200)
        program.ask("window.open")
        program.window()
        wait_for("a word about it", lambda: "window's process ended unexpectedly" in program.said())

    def test_the_window_ends_with_a_killed_program(self):
        program = self.start()
        program.window()
        [pid] = program.window_processes()
        program.process.kill()
        wait_for("the window to go", lambda: not program.windows())
        wait_for("its process to end", lambda: not pathlib.Path(f"/proc/{pid}").exists())

    def test_l02_its_helpers_are_given_no_secret(self):
        token = "sk-canary-7f3a9c1e5b2d8046a1c3e5f7"
        program = self.start(AUTH_TOKEN=token, API_KEYS="sk-canary-key-1", COOKIES="canary-cookie-1")
        program.window()
        wait_for("the page's process", lambda: len(program.settled_webkit()) >= 2)
        for pid, name in children(program.process.pid).items():
            given = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
            self.assertIn(b"HOME=", given)
            self.assertNotIn(b"canary", given, name)
        self.assertEqual(key(program), token)

    def test_f33_a_second_start_shows_the_window_of_the_first(self):
        first = self.start("--hidden")
        second = Program(self.session)
        self.addCleanup(second.close)
        self.assertEqual(second.ends(), 0, second.said())
        self.assertTrue(first.window())
        self.assertEqual(len(first.windows()), 1)

    def test_the_window_keeps_its_size(self):
        program = self.start()
        window = program.window()
        self.display.run("xdotool", "windowsize", "--sync", window, "700", "500")
        program.close_window()
        program.ask("window.open")
        window = program.window()

        def size():
            lines = self.display.run("xdotool", "getwindowgeometry", "--shell", window).splitlines()
            return [line for line in lines if line in ("WIDTH=700", "HEIGHT=500")]
        wait_for("the size it had", lambda: len(size()) == 2)

    def test_f34_sigterm_drains_and_ends_with_0(self):
        program = self.start()
        program.window()
        with chat(program, "tell me something long", stream=True) as answer:
            answer.readline()
            program.process.send_signal(signal.SIGTERM)
            wait_for("the window to go at once", lambda: not program.windows())
            self.assertIn(b"data: [DONE]", answer.read())
        self.assertEqual(program.ends(), 0, program.said())

    def test_f31_the_port_moves_while_a_stream_runs(self):
        tray = self.tray()
        program = self.start("--hidden")
        tray.item()
        with chat(program, "tell me something long", stream=True) as answer:
            answer.readline()
            tray.click("Port ", "Move to the next free port")
            old = program.listening().removeprefix("http://")
            wait_for("another address", lambda: program.address() != old)
            self.assertIn(b"data: [DONE]", answer.read())
        port = program.address().rsplit(":", 1)[1]
        wait_for("the menu to follow", lambda: f"Port {port}" in tray.texts())
        self.assertEqual(status_of(program, "hello"), 200)

    def test_f30_a_taken_port_is_a_choice(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            wanted = str(other.getsockname()[1])
            program = Program(self.session, port=wanted)
            self.addCleanup(program.close)
            window = wait_for("the question", lambda: program.windows("^Mammouth Proxy$"))[0]
            self.display.run("xdotool", "windowfocus", "--sync", window, "key", "Return")
            self.assertNotIn(f":{wanted}", program.listening())

    def test_f30_at_login_another_port_is_taken_and_told(self):
        notifications = self.notifications()
        with socket.create_server(("127.0.0.1", 0)) as other:
            program = self.start("--hidden", port=str(other.getsockname()[1]))
        _, told = notifications.with_title("The usual port is taken")
        self.assertIn(program.address().rsplit(":", 1)[1], told["text"])

    def test_without_a_display_it_says_so(self):
        program = Program(self.session, DISPLAY=None)
        self.addCleanup(program.close)
        self.assertEqual(program.ends(), 1)
        self.assertIn("no display", program.said())

    def test_a_headless_one_has_no_window_to_show(self):
        headless = os.environ.get("MAMMOUTH_PROXY_BIN")
        if not headless:
            self.fail("MAMMOUTH_PROXY_BIN names no program")
        first = Program(self.session)
        first.close()
        with (self.session.home / "headless").open("w") as output:
            server = subprocess.Popen(
                [headless, "serve", "--demo", "--port", "0", "--data-dir", str(first.data)],
                env=self.session.environment(), stdout=output)
            self.addCleanup(server.wait)
            self.addCleanup(server.terminate)
            wait_for("the server", lambda: "listening" in (self.session.home / "headless").read_text())
            second = Program(self.session)
            self.addCleanup(second.close)
            second.close_window()
            self.assertEqual(second.ends(), 3, second.said())


if __name__ == "__main__":
    unittest.main()
