"""The portable archive: packed from a made-up tree, installed into a home of its own, updated, removed."""

import os
import pathlib
import subprocess
import tempfile
import unittest

from project import shell

ID = "dev.mammouthproxy.MammouthProxy"
DESKTOP_ENTRY = f"share/applications/{ID}.desktop"


class Portable(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.tree = self.folder / "tree"
        self.home = self.folder / "home of ana"
        self.home.mkdir()
        self.write("bin/mammouth-proxy", "#!/bin/sh\necho headless\n")
        self.write("bin/mammouth-proxy-desktop", "#!/bin/sh\necho desktop\n")
        self.write(DESKTOP_ENTRY, "[Desktop Entry]\nExec=mammouth-proxy-desktop\n")
        self.write("share/doc/mammouth-proxy/changelog.gz", "Debian's")

    def write(self, name, text):
        path = self.tree / "usr" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if name.startswith("bin/") else 0o644)

    def pack(self, name):
        out = self.folder / name
        command = "make_portable \"$@\""
        result = shell("linux-package.sh", f"source script/lib/portable.sh; {command}; : ", self.tree, out, "x86_64",
                       SOURCE_DATE_EPOCH="1700000000")
        self.assertEqual(result.returncode, 0, result.stdout)
        return next(out.glob("*.tar.zst"))

    def unpack(self, name="packed"):
        archive = self.pack(name)
        folder = self.folder / f"{name}-open"
        folder.mkdir()
        subprocess.run(["tar", "--extract", "--zstd", "--file", archive, "--directory", folder], check=True)
        return next(folder.iterdir())

    def run_script(self, script, *arguments):
        return subprocess.run(
            [script, *arguments], env={"PATH": os.environ["PATH"], "HOME": str(self.home)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

    def install(self, *arguments, name="packed"):
        result = self.run_script(self.unpack(name) / "install", *arguments)
        self.assertEqual(result.returncode, 0, result.stdout)
        return result.stdout

    def files(self, folder):
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

    def test_two_archives_of_one_tree_are_equal(self):
        self.assertEqual(self.pack("first").read_bytes(), self.pack("second").read_bytes())

    def test_it_installs_for_one_user_and_leaves_nothing(self):
        own = self.home / ".local/share/other/file"
        own.parent.mkdir(parents=True)
        own.write_text("of another program")
        said = self.install()
        local = self.home / ".local"
        self.assertIn("is not in your PATH", said)
        self.assertEqual(subprocess.run([local / "bin/mammouth-proxy"], capture_output=True, text=True).stdout, "headless\n")
        entry = (local / DESKTOP_ENTRY).read_text()
        self.assertIn(f'Exec="{local}/bin/mammouth-proxy-desktop"', entry)
        self.assertNotIn("share/doc/mammouth-proxy/changelog.gz", self.files(local))
        result = self.run_script(local / "lib/mammouth-proxy/uninstall")
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertEqual(self.files(self.home), {".local/share/other/file"})
        self.assertFalse((local / "bin").exists())

    def test_a_newer_version_replaces_the_older_one_whole(self):
        self.write("share/old", "only in the older one")
        self.install()
        (self.tree / "usr/share/old").unlink()
        self.write("bin/mammouth-proxy", "#!/bin/sh\necho newer\n")
        self.install(name="newer")
        local = self.home / ".local"
        self.assertNotIn("share/old", self.files(local))
        self.assertEqual(subprocess.run([local / "bin/mammouth-proxy"], capture_output=True, text=True).stdout, "newer\n")

    def test_data_of_the_user_stays(self):
        data = self.home / ".local/share/mammouth-proxy/settings.toml"
        data.parent.mkdir(parents=True)
        data.write_text("port = 3000\n")
        self.install()
        self.run_script(self.home / ".local/lib/mammouth-proxy/uninstall")
        self.assertEqual(self.files(self.home), {".local/share/mammouth-proxy/settings.toml"})

    def test_another_prefix(self):
        prefix = self.folder / "opt"
        self.install("--prefix", str(prefix))
        self.assertTrue((prefix / "bin/mammouth-proxy-desktop").is_file())
        self.assertEqual(self.files(self.home), set())


if __name__ == "__main__":
    unittest.main()
