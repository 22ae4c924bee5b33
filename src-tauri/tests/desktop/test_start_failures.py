"""A start that fails is seen: each kind in the dialogue of the desktop program, and on the terminal of the headless one."""

import os
import socket
import subprocess
import unittest

from accessible import Accessibility
from case import Case
from program import Program
from session import SECONDS, wait_for

HEADLESS = os.environ.get("MAMMOUTH_PROXY_BIN", "mammouth-proxy")
CANARY = "sk-canary-7f3a9c1e5b2d8046a1c3e5f7"
HEADLINE = "Mammouth Proxy could not start"


class StartFailures(Case):
    def setUp(self):
        super().setUp()
        self.data = self.session.home / "data"
        # The folder of a demo.
        self.folder = self.data / "demo"

    def desktop(self, *arguments, **options):
        # With the bridge to screen readers, through which the dialogue is read.
        program = Program(self.session, *arguments, NO_AT_BRIDGE=None, **options)
        self.addCleanup(program.close)
        return program

    def screen(self, program, *expected):
        """The dialogue, once it says all that is expected."""
        program.window()
        screen = Accessibility(self.session.address)
        self.addCleanup(screen.close)

        def says_all():
            text = screen.text()
            return all(part in text for part in expected)
        wait_for(f"the dialogue to say {expected}", says_all)
        return screen

    def fails(self, code, *expected, arguments=(), demo=True, **environment):
        """Starts both programs: each has to say what is expected, and to end with this code. Gives back what the dialogue
        said."""
        kind = ["--demo"] if demo else []
        command = [HEADLESS, "serve", *kind, "--port", "0", "--data-dir", str(self.data), *arguments]
        ended = subprocess.run(command, cwd=self.session.home, env=self.session.environment(**environment),
                               capture_output=True, text=True, check=False, timeout=SECONDS)
        self.assertEqual(ended.returncode, code, ended.stderr)
        for part in expected:
            self.assertIn(part, ended.stderr)
        return self.is_shown(code, *expected, arguments=arguments, demo=demo, **environment)

    def is_shown(self, code, *expected, arguments=(), **options):
        program = self.desktop(*arguments, **options)
        screen = self.screen(program, HEADLINE, *expected)
        said = screen.text()
        screen.press("Quit")
        self.assertEqual(program.ends(), code, program.said())
        return said

    def logged(self):
        return "".join(file.read_text() for file in (self.folder / "logs").iterdir())

    def test_a_setting_of_the_environment_that_cannot_be_used(self):
        self.fails(2, "LOG (from the environment)", "Correct what is named here", LOG="[[[")

    def test_a_setting_of_the_file_and_its_folder_can_be_opened(self):
        self.folder.mkdir(parents=True)
        (self.folder / "settings.toml").write_text("version = 1\n[limits]\nlog_days = 0\n")
        self.fails(2, "limits.log_days (from settings.toml)", "Correct what is named here")
        tools, opened = self.session.home / "tools", self.session.home / "opened"
        tools.mkdir()
        (tools / "xdg-open").write_text(f'#!/bin/sh\nprintf "%s" "$1" >"{opened}"\n')
        (tools / "xdg-open").chmod(0o755)
        program = self.desktop(PATH=f"{tools}:{os.environ['PATH']}")
        self.screen(program, HEADLINE).press("Open data folder")
        wait_for("the file manager", lambda: opened.exists() and opened.read_text() == str(self.folder))
        self.screen(program, HEADLINE).press("Quit")
        self.assertEqual(program.ends(), 2, program.said())

    def test_s11_a_stranger_s_dotenv(self):
        file = self.session.home / ".env"
        file.write_text("MAMMOUTH_WEB_URL=https://canary.example\n")
        said = self.fails(2, "MAMMOUTH_WEB_URL (from the .env file)", str(file), "Correct what is named here")
        self.assertNotIn("canary", said)

    def test_an_argument_that_may_be_a_secret_is_not_shown(self):
        said = self.is_shown(2, "an argument that is not expected", arguments=[CANARY])
        self.assertNotIn(CANARY, said)

    def test_a_weak_client_key(self):
        self.fails(2, "AUTH_TOKEN (from the environment)", "Correct what is named here", AUTH_TOKEN="test")

    def test_a_mistake_in_the_arguments(self):
        said = self.is_shown(2, "--no-such-option", "Correct what is named here", arguments=["--no-such-option"])
        self.assertNotIn("Open data folder", said)

    def test_a_data_directory_that_is_a_file(self):
        self.data.write_text("in the way")
        said = self.fails(2, "names a directory that cannot be used", "Give your user the right to write")
        self.assertNotIn("Open data folder", said)

    def test_a_data_directory_that_cannot_be_locked(self):
        (self.folder / "lock").mkdir(parents=True)
        sentence = f"the data directory {self.folder} cannot be used by user {os.getuid()}"
        said = self.fails(1, sentence, "Give your user the right to write")
        self.assertIn("Open data folder", said)
        self.assertIn(sentence, self.logged())

    def test_a_control_token_that_somebody_else_put_there(self):
        self.folder.mkdir(parents=True)
        (self.folder / "control-token").symlink_to("/etc/hostname")
        self.fails(1, "the control token cannot be kept", "Give your user the right to write")

    def test_f33_a_data_directory_that_a_headless_one_uses(self):
        output = self.session.home / "headless"
        with output.open("w") as to:
            server = subprocess.Popen([HEADLESS, "serve", "--demo", "--port", "0", "--data-dir", str(self.data)],
                                      env=self.session.environment(), stdout=to)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        wait_for("the server", lambda: "listening" in output.read_text())
        self.fails(3, "runs on", "already", "Stop the other program first")

    def test_a_machine_without_root_certificates(self):
        # A demo speaks to nobody, and needs none.
        nothing = str(self.session.home / "nothing")
        self.fails(1, "root certificates", "the package ca-certificates", demo=False,
                   SSL_CERT_FILE=nothing, SSL_CERT_DIR=nothing)

    def test_f30_whoever_refuses_another_port_is_not_asked_again(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            program = self.desktop(port=str(other.getsockname()[1]))
            self.screen(program, "is already used by", "Use another port for now?").press("Quit")
            self.assertEqual(program.ends(), 4, program.said())

    def test_f50_a_damaged_database_is_no_reason_not_to_start(self):
        self.folder.mkdir(parents=True)
        (self.folder / "mammouth.db").write_bytes(b"no database" * 1000)
        program = self.start("--hidden")
        self.assertTrue(program.is_alive())
        self.assertIn("set aside", self.logged())


class LogFiles(Case):
    def test_l05_a_day_s_file_is_the_user_s_alone_and_holds_no_secret(self):
        program = self.start("--hidden", AUTH_TOKEN=CANARY, LOG="debug", API_KEYS="sk-canary-key-1", COOKIES="canary-cookie-1")
        folder = program.folder / "logs"
        files = wait_for("the file of the day", lambda: folder.is_dir() and list(folder.iterdir()))
        self.assertEqual([file.stat().st_mode & 0o777 for file in [folder, *files]], [0o700, 0o600])
        self.assertRegex(files[0].name, r"^desktop-\d{4}-\d\d-\d\d\.log$")
        program.close()
        text = files[0].read_text()
        self.assertTrue(text)
        self.assertNotIn("canary", text)

    def test_doctor_names_the_folder(self):
        program = self.start("--hidden")
        said = subprocess.run([HEADLESS, "doctor", "--demo", "--data-dir", str(program.data)], capture_output=True, text=True,
                              env=self.session.environment(), check=False).stdout
        self.assertIn(str(program.folder / "logs"), said)


if __name__ == "__main__":
    unittest.main()
