"""The program's reverse-DNS name: what desktops match it by, and what was stored under its former one."""

import unittest

from case import Case
from session import wait_for

APPLICATION_ID = "dev.mammouthproxy.MammouthProxy"
FORMER_ID = "dev.mammouth-proxy.desktop"


class ApplicationId(Case):
    def test_the_window_is_matched_to_the_desktop_entry(self):
        program = self.start()
        shown = self.display.run("xprop", "-id", program.window(), "WM_CLASS")
        self.assertIn(f'"{APPLICATION_ID}"', shown)

    def test_what_the_former_name_left_is_taken_over(self):
        config = self.session.home / ".config"
        former_entry = config / "autostart/mammouth-proxy-desktop.desktop"
        former_entry.parent.mkdir(parents=True)
        former_entry.write_text('[Desktop Entry]\nExec="/opt/proxy" --hidden\nIcon=mammouth-proxy-desktop\n')
        pages = self.session.home / ".local/share" / FORMER_ID
        pages.mkdir(parents=True)
        (pages / "kept").touch()
        program = self.start("--hidden")
        entry = config / f"autostart/{APPLICATION_ID}.desktop"
        self.assertIn("/opt/proxy", wait_for("the entry", lambda: entry.exists() and entry.read_text()))
        self.assertFalse(former_entry.exists())
        self.assertFalse(pages.exists())
        self.assertTrue((self.session.home / ".local/share" / APPLICATION_ID / "kept").exists())
        autostart = next(one for one in program.ask("settings.get") if one["name"] == "autostart")
        self.assertTrue(autostart["value"])


if __name__ == "__main__":
    unittest.main()
