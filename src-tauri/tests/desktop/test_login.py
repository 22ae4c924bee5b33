"""The sign-in window: it gets the session and nothing else gets anything. Groups G and W of the threat list."""

import pathlib
import signal
import socket
import threading
import unittest

from case import Case
from driver import Driven
from program import Refused
from proxies import PASSWORD, HttpProxy, SocksProxy
from session import wait_for
from site_to_sign_in import EAGER, FORM, LOGIN, Site

TITLE = "^Sign in"


class Asked(threading.Thread):
    """A command that takes as long as the user does."""

    def __init__(self, program, name, **arguments):
        super().__init__(daemon=True)
        self.program, self.name_, self.arguments = program, name, arguments
        self.answer = self.refusal = None
        self.start()

    def run(self):
        try:
            self.answer = self.program.ask(self.name_, **self.arguments)
        except Refused as refusal:
            self.refusal = refusal.code
        except OSError:
            # A test has killed the program.
            self.refusal = "gone"

    def end(self):
        self.join(90)
        assert not self.is_alive(), "the command does not end"
        return self


class SignIn(Case):
    keyring = True

    def site(self, *arguments, **options):
        site = Site(*arguments, **options)
        self.addCleanup(site.close)
        return site

    def program(self, site):
        program = self.start("--hidden", demo=False, MAMMOUTH_WEB_URL=site.url, MAMMOUTH_API_URL=site.url)
        program.ask("settings.accept_terms")
        return program

    def files_with(self, canary):
        files = [path for path in self.session.home.rglob("*") if path.is_file()]
        return [str(path) for path in files if canary.encode() in path.read_bytes()]

    def test_signing_in_adds_the_account_and_the_window_closes(self):
        site = self.site(FORM)
        program = self.program(site)
        asked = Asked(program, "accounts.sign_in")
        window = program.window(TITLE)
        host = site.url.removeprefix("http://")
        wait_for("the real host in the title", lambda: program.windows(f"^Sign in — {host}$"))
        wait_for("the login page", lambda: any(path == LOGIN for path, _ in site.visits))
        # The page may not be drawn yet: Enter again until it is heard.

        def signed_in():
            self.display.run("xdotool", "windowfocus", window, "key", "--window", window, "Return")
            return any(path == "/welcome" for path, _ in site.visits)
        wait_for("the form to be sent", signed_in)
        answer = asked.end().answer
        self.assertTrue(answer["ok"], answer)
        self.assertEqual(answer["email"], "dana@example.invalid")
        wait_for("the window to close", lambda: not program.windows(TITLE))
        wait_for("WebKit to end", lambda: not program.webkit())
        accounts = program.ask("accounts.list")
        self.assertEqual([one["state"] for one in accounts], ["ready"])
        # G04, L01: in the keychain, and in no file of ours or of WebKit's.
        program.close()
        self.assertEqual([path for path in self.files_with(site.session) if "/keyrings/" not in path], [])

    def test_g04_the_second_account_starts_from_an_empty_profile(self):
        site = self.site(EAGER)
        program = self.program(site)
        self.assertTrue(Asked(program, "accounts.sign_in").end().answer["ok"])
        seen = len(site.visits)
        again = Asked(program, "accounts.sign_in").end()
        self.assertIsNone(again.refusal if again.answer else None)
        first = next(headers for path, headers in site.visits[seen:] if path == LOGIN)
        self.assertNotIn("cookie", {name.lower() for name in first})
        # The same session again is the same account.
        self.assertEqual(len(program.ask("accounts.list")), 1)

    def test_g04_closing_it_stores_nothing(self):
        site = self.site(FORM)
        program = self.program(site)
        asked = Asked(program, "accounts.sign_in")
        window = program.window(TITLE)
        self.display.run("wmctrl", "-i", "-c", window)
        self.assertEqual(asked.end().refusal, "cancelled")
        self.assertEqual(program.ask("accounts.list"), [])
        wait_for("it to be gone", lambda: not program.windows(TITLE))
        again = Asked(program, "accounts.sign_in")
        self.display.run("wmctrl", "-i", "-c", program.window(TITLE))
        self.assertEqual(again.end().refusal, "cancelled")

    def test_g04_it_closes_when_nobody_waits_for_it(self):
        program = self.program(self.site(FORM))
        with socket.create_connection(program.address().rsplit(":", 1)) as caller:
            token = (program.folder / "control-token").read_text().strip()
            caller.sendall(
                f"POST /control/accounts.sign_in HTTP/1.1\r\nhost: {program.address()}\r\nauthorization: Bearer {token}\r\n"
                "content-type: application/json\r\ncontent-length: 2\r\n\r\n{}".encode())
            program.window(TITLE)
        wait_for("the window to close", lambda: not program.windows(TITLE))
        wait_for("its process to end", lambda: not program.window_processes())

    def test_g04_there_is_one_at_a_time(self):
        site = self.site(FORM)
        program = self.program(site)
        first = Asked(program, "accounts.sign_in")
        window = program.window(TITLE)
        with self.assertRaises(Refused) as refused:
            program.ask("accounts.sign_in")
        self.assertEqual(refused.exception.code, "exists")
        # Its title changes as the page comes.
        wait_for("the one window", lambda: program.windows(TITLE) == [window])
        self.display.run("wmctrl", "-i", "-c", window)
        first.end()

    def test_g04_killed_in_the_middle_it_leaves_nothing(self):
        # The site gives the session, and never answers whose it is: the program is killed with the value in hand.
        site = self.site(EAGER, set_cookie="other=canary-session-5d1f; Path=/; HttpOnly")
        program = self.program(site)
        Asked(program, "accounts.sign_in")
        wait_for("the cookie", lambda: any(path == "/welcome" for path, _ in site.visits))
        program.process.send_signal(signal.SIGKILL)
        program.process.wait()
        self.assertEqual(self.files_with("canary-session-5d1f"), [])

    def test_g01_a_cookie_of_another_name_or_port_is_not_taken(self):
        other = self.site("<!doctype html>x")
        site = self.site(EAGER, set_cookie=f"auth_session_={'x' * 20}; Path=/; HttpOnly")
        site.pages["/welcome"] = f'<!doctype html><img src="{other.url}/picture"><script>location = "{other.url}/"</script>'
        program = self.program(site)
        asked = Asked(program, "accounts.sign_in")
        window = program.window(TITLE)
        wait_for("the page", lambda: any(path == "/welcome" for path, _ in site.visits))
        wait_for("its picture", lambda: any(path == "/picture" for path, _ in other.visits))
        # G02: it stays where it may be.
        self.assertTrue(program.windows(f"^Sign in — {site.url.removeprefix('http://')}$"))
        self.assertNotIn("/", [path for path, _ in other.visits])
        self.display.run("wmctrl", "-i", "-c", window)
        self.assertEqual(asked.end().refusal, "cancelled")

    def test_it_gives_a_proxy_its_password(self):
        for kind in (HttpProxy, SocksProxy):
            with self.subTest(kind=kind.__name__):
                proxy = kind(self.session.home)
                self.addCleanup(proxy.close)
                api = self.site(FORM)
                program = self.start("--hidden", demo=False, MAMMOUTH_WEB_URL="https://mammouth.test",
                                     MAMMOUTH_API_URL=api.url, HTTPS_PROXY=proxy.url)
                program.ask("settings.accept_terms")
                asked = Asked(program, "accounts.sign_in")
                wait_for("the proxy to let the window through", lambda: "mammouth.test:443" in proxy.targets)
                self.display.run("wmctrl", "-i", "-c", program.window(TITLE))
                self.assertEqual(asked.end().refusal, "cancelled")
                program.close()
                proxy.close()
                self.assertEqual(self.files_with(PASSWORD), [])

    def test_g03_w05_the_page_gets_nothing_from_the_program_or_the_machine(self):
        hostile = (pathlib.Path(__file__).parent / "hostile.html").read_text()
        site = self.site(hostile)
        program = self.program(site)
        asked = Asked(program, "accounts.sign_in")
        window = program.window(TITLE)
        report = wait_for("the report of the hostile page", lambda: site.reports)[0]
        self.assertEqual({name: got for name, got in report.items() if not got.startswith("refused")}, {})
        self.assertGreater(len(report), 8)
        self.assertEqual(len(self.display.windows(".")), len(self.display.windows(TITLE)))
        self.assertEqual([path for path in self.session.home.rglob("*") if "downloaded" in path.name], [])
        self.display.run("wmctrl", "-i", "-c", window)
        asked.end()


class OwnPage(Case):
    """The page of the program's own window."""

    def setUp(self):
        super().setUp()
        self.page = Driven(self.session)
        self.addCleanup(self.page.close)

    def test_it_shows_live_data_through_its_own_door(self):
        wait_for("the accounts of the demo", lambda: "bob" in self.page.run(
            "location.hash = '#/accounts'; return document.body.innerText"))
        done, status = self.page.invoke("control", name="status", args={})
        self.assertEqual((done, status["demo"]), ("ok", True))
        self.page.ask("accounts.enable", label="bob", enabled=False)
        self.page.ask("settings.welcomed")
        wait_for("the change to be shown", lambda: "paused" in self.page.text().lower())

    def test_w05_it_has_two_commands_and_nothing_of_tauri(self):
        for command in ("plugin:window|close", "plugin:webview|create_webview_window", "plugin:app|version",
                        "plugin:event|listen", "plugin:window-state|save_window_state", "plugin:path|resolve_directory"):
            done, why = self.page.invoke(command)
            self.assertEqual(done, "refused", f"{command}: {why}")

    def test_w07_it_goes_nowhere_else(self):
        home = self.page.address_bar()
        for target in ("https://example.invalid/", "file:///etc/passwd", "data:text/html,x", "http://127.0.0.1:9/"):
            self.page.run("location.href = arguments[0]", target)
            self.page.run("window.open(arguments[0])", target)
        self.assertEqual(self.page.address_bar().split("#")[0], home.split("#")[0])
        self.assertEqual(self.page.invoke("control", name="status", args={})[0], "ok")

    def test_w09_a_command_takes_no_nonsense(self):
        for name, args in (("no.such", {}), ("port.switch", {"port": "../../etc/passwd"}), ("port.switch", [1]),
                           ("accounts.enable", {"label": "x" * 10_000_000, "enabled": True}), ("status" * 100, {})):
            done, why = self.page.invoke("control", name=name, args=args)
            self.assertEqual(done, "refused")
            self.assertIn(why["code"], ("unknown_command", "bad_arguments"))

    def test_w02_nothing_that_is_written_runs(self):
        self.page.run("const p = document.createElement('p'); p.innerHTML ="
                      " '<img src=x onerror=\"window.pwned = 1\"><svg onload=\"window.pwned = 1\">'; document.body.append(p)")
        self.page.run("const s = document.createElement('script'); s.text = 'window.pwned = 1'; document.body.append(s)")
        self.assertIsNone(self.page.run("return window.pwned"))
        self.assertEqual(self.page.run("try { eval('1'); return 'ran' } catch { return 'refused' }"), "refused")


if __name__ == "__main__":
    unittest.main()
