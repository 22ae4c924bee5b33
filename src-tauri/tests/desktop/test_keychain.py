"""What the window puts into the keychain and takes out of it, read over the session bus."""

import unittest

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

from case import PageCase
from session import wait_for
from site_to_sign_in import FORM, Site

SECRETS = "org.freedesktop.secrets"


class Keychain(PageCase):
    place = "clients"
    keyring = True
    demo = False

    @classmethod
    def environment(cls):
        cls.site = Site(FORM)
        cls.addClassCleanup(cls.site.close)
        return {"MAMMOUTH_WEB_URL": cls.site.url, "MAMMOUTH_API_URL": cls.site.url}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        cls.bus = Gio.DBusConnection.new_for_address_sync(cls.session.address, flags, None, None)
        cls.addClassCleanup(cls.bus.close_sync, None)

    def call(self, path, interface, method, arguments):
        answer = self.bus.call_sync(SECRETS, path, interface, method, arguments, None, Gio.DBusCallFlags.NONE, 30000, None)
        return answer.unpack()

    def stored(self):
        """All texts in the keyring."""
        service = "org.freedesktop.Secret.Service"
        path = "/org/freedesktop/secrets"
        session = self.call(path, service, "OpenSession", GLib.Variant("(sv)", ("plain", GLib.Variant("s", ""))))[1]
        found = self.call(path, service, "SearchItems", GLib.Variant("(a{ss})", ({},)))
        secrets = self.call(path, service, "GetSecrets", GLib.Variant("(aoo)", (found[0] + found[1], session)))[0]
        return {bytes(secret[2]).decode() for secret in secrets.values()}

    def files_with(self, canary):
        files = [path for path in self.session.home.rglob("*") if path.is_file() and "keyrings" not in path.parts]
        return [str(path) for path in files if canary.encode() in path.read_bytes()]

    def test_a_named_key_is_in_the_keychain_until_it_is_revoked_and_in_no_file(self):
        self.page.press("Zed")
        self.page.press("New key for Zed")
        self.page.shows("Created the key “zed”")
        key = self.key("zed")
        self.assertIn(key, self.stored())
        self.assertEqual(self.files_with(key), [])
        self.page.press("More for zed")
        self.page.press("Revoke")
        self.page.press("Revoke")
        wait_for("the key to leave the keychain", lambda: key not in self.stored())

    def test_an_account_is_in_the_keychain_until_it_is_removed_and_in_no_file(self):
        self.program.ask("settings.accept_terms")
        self.page.open("accounts")
        self.page.press("Add account")
        self.page.press_first("input[value=cookie]", through="label")
        self.page.type(self.page.field("Cookie"), f"auth_session={self.site.session}")
        self.page.press("Test and add")
        account = wait_for("the account", lambda: self.program.ask("accounts.list"))[0]
        self.assertTrue(any(self.site.session in text for text in self.stored()))
        self.assertEqual(self.files_with(self.site.session), [])
        self.page.open("accounts")
        self.page.press(f"More for {account['label']}")
        self.page.press("Remove")
        self.page.press("Remove")
        wait_for("the session to leave the keychain", lambda: not any(self.site.session in text for text in self.stored()))

    def test_the_main_key_is_the_same_in_window_and_keychain(self):
        self.page.open("overview")
        self.page.press("Copy: API key")
        self.pasted(self.key())
        self.assertIn(self.key(), self.stored())


if __name__ == "__main__":
    unittest.main()
