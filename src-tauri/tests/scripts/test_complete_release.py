"""What is made from the files of a release: list of updates, manifests, apt repository, checksums and signatures, over
made-up packages and with keys of the test's own."""

import hashlib
import json
import os
import pathlib
import re
import subprocess
import tarfile
import tempfile
import unittest
import zipfile

from project import ROOT

VERSION = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
BASE_URL = f"https://example.test/releases/download/v{VERSION}"
HOMEPAGE = "https://example.test"
PROGRAMS = ("mammouth-proxy", "mammouth-proxy-desktop")


class CompleteRelease(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.release = self.folder / "release"
        self.release.mkdir()
        for architecture in ("x86_64", "aarch64"):
            self.add_linux_archive(architecture)
            self.add_windows_files(architecture)
        for architecture in ("amd64", "arm64"):
            self.add_package(architecture)
        for kind in ("macos-universal-unsigned.dmg", "macos-universal-unsigned.app.tar.gz", "source.tar.zst"):
            self.file(kind).write_text(kind)

    def file(self, kind):
        return self.release / f"mammouth-proxy-{VERSION}-{kind}"

    def add_linux_archive(self, architecture):
        tree = self.folder / f"linux-{architecture}"
        (tree / "bin").mkdir(parents=True)
        for program in PROGRAMS:
            (tree / "bin" / program).write_text(f"{program} {architecture} linux")
        subprocess.run(
            ["tar", "--create", "--zstd", "--file", self.file(f"linux-{architecture}.tar.zst"), "--directory", tree, "bin"],
            check=True)

    def add_windows_files(self, architecture):
        self.file(f"windows-{architecture}-setup-unsigned.exe").write_text("installer")
        with zipfile.ZipFile(self.file(f"windows-{architecture}-unsigned.zip"), "w") as archive:
            for program in PROGRAMS:
                archive.writestr(f"{program}.exe", f"{program} {architecture} windows")

    def add_package(self, architecture):
        tree = self.folder / architecture
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN/control").write_text(
            f"Package: mammouth-proxy\nVersion: {VERSION}\nArchitecture: {architecture}\n"
            "Maintainer: A <a@example.test>\nDescription: made up\n")
        file = self.release / f"mammouth-proxy_{VERSION}_{architecture}.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, file], check=True, stdout=subprocess.DEVNULL)

    def complete(self, **keys):
        environment = {**os.environ, "MINISIGN_KEY": "", "MINISIGN_PUBLIC_KEY": "", "APT_SIGNING_KEY": "", **keys}
        result = subprocess.run(
            [ROOT / "script/complete-release", self.release, BASE_URL, HOMEPAGE], env=environment, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(result.returncode, 0, result.stdout)
        return result.stdout

    def minisign_key(self):
        public, secret = self.folder / "key.pub", self.folder / "key"
        subprocess.run(["minisign", "-G", "-W", "-p", public, "-s", secret], check=True, stdout=subprocess.DEVNULL)
        return public, secret.read_text()

    def apt_key(self):
        home = self.folder / "gnupg"
        home.mkdir(mode=0o700)
        environment = {**os.environ, "GNUPGHOME": str(home)}
        self.addCleanup(subprocess.run, ["gpgconf", "--kill", "all"], env=environment, check=False)
        gpg = ["gpg", "--batch", "--quiet", "--passphrase", ""]
        subprocess.run([*gpg, "--quick-generate-key", "test@example.test"], env=environment, check=True)
        return subprocess.run(
            [*gpg, "--pinentry-mode", "loopback", "--armor", "--export-secret-keys"], env=environment, check=True,
            capture_output=True, text=True).stdout

    def sums(self):
        lines = (self.release / "SHA256SUMS").read_text().splitlines()
        return {name: digest for digest, name in (line.split("  ") for line in lines)}

    def members(self, archive):
        with tarfile.open(self.release / archive) as files:
            return {one.name: files.extractfile(one).read() for one in files if one.isfile()}

    def test_all_files_are_listed_and_signed(self):
        public, secret = self.minisign_key()
        self.complete(
            MINISIGN_KEY=secret, MINISIGN_PUBLIC_KEY=public.read_text().splitlines()[1], APT_SIGNING_KEY=self.apt_key())
        files = {path.name for path in self.release.iterdir() if path.suffix != ".minisig"}
        self.assertEqual(set(self.sums()), files - {"SHA256SUMS"})
        self.assertLessEqual({"updates.json", "manifests.tar.gz", "apt-repository.tar.gz"}, files)
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=self.release, check=True)
        for name in files:
            checked = subprocess.run(
                ["minisign", "-V", "-p", public, "-m", self.release / name], capture_output=True, text=True, check=False)
            self.assertEqual(checked.returncode, 0, f"{name}: {checked.stderr}")
        repository = self.members("apt-repository.tar.gz")
        self.assertIn(b"BEGIN PGP SIGNED MESSAGE", repository["apt/dists/stable/InRelease"])

    def test_each_program_of_linux_and_windows_is_an_update(self):
        self.complete()
        feed = json.loads((self.release / "updates.json").read_text())
        self.assertEqual(feed["version"], VERSION)
        self.assertEqual(len(feed["files"]), 8)
        for one in feed["files"]:
            content = (self.release / one["url"].removeprefix(f"{BASE_URL}/")).read_bytes()
            architecture, system = one["system"].split("-")
            self.assertEqual(content.decode(), f'{one["name"].removesuffix(".exe")} {architecture} {system}')
            self.assertEqual(one["sha256"], hashlib.sha256(content).hexdigest())
            self.assertEqual(one["bytes"], len(content))

    def test_manifests_name_files_of_the_release(self):
        self.complete()
        manifests = self.members("manifests.tar.gz")
        self.assertGreater(len(manifests), 7)
        sums = self.sums()
        for path, content in manifests.items():
            text = content.decode()
            for name in re.findall(rf"{re.escape(BASE_URL)}/([^\s\"']+)", text):
                self.assertIn(name, sums, path)
                self.assertIn(sums[name], text, path)

    def test_without_keys_that_is_said(self):
        said = self.complete()
        self.assertIn("Not signed: MINISIGN_KEY_FILE", said)
        self.assertIn("Not signed: APT_KEY", said)
        self.assertFalse(list(self.release.glob("*.minisig")))


if __name__ == "__main__":
    unittest.main()
