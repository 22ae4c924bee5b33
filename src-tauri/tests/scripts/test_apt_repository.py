"""The apt repository: made of two small packages, signed with a key of the test's own, and read by apt itself."""

import os
import pathlib
import subprocess
import tempfile
import unittest

from project import ROOT


class AptRepository(unittest.TestCase):
    def setUp(self):
        # apt reads as a user of its own, who has no way into a closed folder.
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)
        self.packages = self.folder / "packages"
        self.packages.mkdir()
        for architecture in ("amd64", "arm64"):
            self.package(architecture)
        self.gnupg = self.folder / "gnupg"
        self.gnupg.mkdir(mode=0o700)
        self.environment = {**os.environ, "GNUPGHOME": str(self.gnupg)}
        # Its agent ends with the folder.
        self.addCleanup(self.run_program, "gpgconf", "--kill", "all")
        self.run_program("gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "test@example.test")
        self.out = self.folder / "repository"

    def run_program(self, *command, check=True, **environment):
        return subprocess.run(
            command, env={**self.environment, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=check)

    def package(self, architecture):
        tree = self.folder / architecture
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN/control").write_text(
            f"Package: mammouth-proxy\nVersion: 0.1.0\nArchitecture: {architecture}\nMaintainer: A <a@example.test>\n"
            "Description: made up\n")
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "--build", tree, self.packages / f"mammouth-proxy_0.1.0_{architecture}.deb"],
            check=True, stdout=subprocess.DEVNULL)

    def make(self, key):
        result = self.run_program(ROOT / "script/apt-repository", self.packages, self.out, APT_KEY=key)
        self.assertEqual(result.returncode, 0, result.stdout)
        return result.stdout

    def apt(self, *arguments, check=True):
        """apt-get with this repository as its only one, and lists, caches and settings of its own."""
        state = self.folder / "apt"
        for name in ("lists/partial", "cache/archives/partial", "etc", "dpkg"):
            (state / name).mkdir(parents=True, exist_ok=True)
        (state / "dpkg/status").touch()
        (state / "sources.list").write_text(
            f"deb [arch=amd64 signed-by={self.out}/mammouth-proxy.gpg] file:{self.out} stable main\n")
        options = {
            "Dir::Etc::sourcelist": state / "sources.list", "Dir::Etc::sourceparts": "-", "Dir::Etc::main": "-",
            "Dir::Etc::parts": "-", "Dir::State::lists": state / "lists", "Dir::State::status": state / "dpkg/status",
            "Dir::Cache": state / "cache", "APT::Architecture": "amd64", "APT::Sandbox::User": "root"}
        return self.run_program(
            "apt-get", *(f"-o{name}={value}" for name, value in options.items()), *arguments, check=check)

    def test_apt_trusts_and_reads_it(self):
        self.make("test@example.test")
        said = self.apt("update").stdout
        self.assertNotIn("W:", said)
        plan = self.apt("install", "--print-uris", "--yes", "mammouth-proxy").stdout
        self.assertIn("mammouth-proxy_0.1.0_amd64.deb", plan)
        index = (self.out / "dists/stable/main/binary-arm64/Packages").read_text()
        self.assertIn("Filename: pool/mammouth-proxy_0.1.0_arm64.deb", index)
        self.assertNotIn("amd64", index)

    def test_a_changed_index_is_refused(self):
        self.make("test@example.test")
        release = self.out / "dists/stable/InRelease"
        release.write_text(release.read_text().replace("Suite: stable", "Suite: changed"))
        self.assertNotEqual(self.apt("update", check=False).returncode, 0)

    def test_without_a_key_that_is_said(self):
        self.assertIn("Not signed", self.make(""))
        self.assertFalse((self.out / "dists/stable/InRelease").exists())


if __name__ == "__main__":
    unittest.main()
