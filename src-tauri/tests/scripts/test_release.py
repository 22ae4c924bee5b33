"""Release notes, the check of a tag, checksums and signatures, over made-up files."""

import pathlib
import re
import subprocess
import tempfile
import unittest

from project import ROOT, shell

VERSION = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]

CHANGELOG = f"""# Changelog

## [Unreleased]

### Added

- Not released yet.

## [{VERSION}] - 2026-11-29

### Fixed

- Something.

## [0.0.1] - 2026-01-01

- Older.

[Unreleased]: https://example.test/compare
"""


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path


class ReleaseNotes(Folder):
    def notes(self, version, changelog=CHANGELOG):
        return shell("release.sh", "release_notes", version, self.write("CHANGELOG.md", changelog))

    def test_they_are_the_section_of_the_version(self):
        self.assertEqual(self.notes(VERSION).stdout, "### Fixed\n\n- Something.\n")
        self.assertEqual(self.notes("0.0.1").stdout, "- Older.\n")
        self.assertEqual(self.notes("Unreleased").stdout, "### Added\n\n- Not released yet.\n")

    def test_a_version_without_a_section_has_none(self):
        for version, changelog in (("9.9.9", CHANGELOG), (VERSION, f"## [{VERSION}] - 2026-11-29\n\n## [0.0.1]\n")):
            result = self.notes(version, changelog)
            self.assertNotEqual(result.returncode, 0)
            self.assertIn(f"no section [{version}]", result.stdout)

    def test_the_project_s_own_changelog_has_notes(self):
        self.assertEqual(shell("release.sh", "release_notes", "Unreleased", "CHANGELOG.md").returncode, 0)


class ReleaseCheck(Folder):
    def check(self, tag=f"v{VERSION}", changelog=CHANGELOG, metainfo=f'<release version="{VERSION}" date="2026-11-29"/>'):
        return shell(
            "release.sh", "check_release", tag, self.write("CHANGELOG.md", changelog), self.write("a.xml", metainfo))

    def test_a_release_whose_files_agree_passes(self):
        self.assertEqual(self.check().returncode, 0)

    def test_each_disagreement_is_named(self):
        undated = CHANGELOG.replace(f"## [{VERSION}] - 2026-11-29", f"## [{VERSION}]")
        for result, word in (
                (self.check(tag="v9.9.9"), "the tag is v9.9.9"),
                (self.check(tag=VERSION), "the tag is"),
                (self.check(changelog=undated), "no heading"),
                (self.check(metainfo='<release version="0.0.1"/>'), "no release")):
            self.assertNotEqual(result.returncode, 0)
            self.assertIn(word, result.stdout)


class Checksums(Folder):
    def setUp(self):
        super().setUp()
        self.release = self.folder / "release"
        self.release.mkdir()
        for name in ("b.zip", "a.deb"):
            (self.release / name).write_text(name)

    def test_they_cover_each_file_in_order(self):
        self.assertEqual(shell("release.sh", "write_checksums", self.release).returncode, 0)
        names = [line.split("  ")[1] for line in (self.release / "SHA256SUMS").read_text().splitlines()]
        self.assertEqual(names, ["a.deb", "b.zip"])
        subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=self.release, check=True)

    def key_pair(self, name):
        public, secret = self.folder / f"{name}.pub", self.folder / name
        subprocess.run(["minisign", "-G", "-W", "-p", public, "-s", secret], check=True, stdout=subprocess.DEVNULL)
        return public, secret

    def test_without_a_key_that_is_said(self):
        result = shell("release.sh", "sign_release", self.release, MINISIGN_KEY_FILE="", MINISIGN_PUBLIC_KEY="")
        self.assertEqual(result.returncode, 0)
        self.assertIn("Not signed", result.stdout)

    def test_each_file_has_a_signature_that_names_it(self):
        public, secret = self.key_pair("key")
        shell("release.sh", "write_checksums", self.release)
        result = shell("release.sh", "sign_release", self.release, MINISIGN_KEY_FILE=str(secret), MINISIGN_PUBLIC_KEY="")
        self.assertEqual(result.returncode, 0, result.stdout)

        def verify(name):
            return subprocess.run(
                ["minisign", "-V", "-p", public, "-m", self.release / name], capture_output=True, text=True, check=False)
        for name in ("a.deb", "b.zip", "SHA256SUMS"):
            checked = verify(name)
            self.assertEqual(checked.returncode, 0, checked.stderr)
            self.assertIn(f"mammouth-proxy {VERSION} {name}", checked.stdout)
        (self.release / "a.deb").write_text("changed")
        self.assertNotEqual(verify("a.deb").returncode, 0)

    def test_signatures_that_the_programs_refuse_are_an_error(self):
        (public, secret), (_, other) = self.key_pair("key"), self.key_pair("other")
        accepted = public.read_text().splitlines()[1]
        shell("release.sh", "write_checksums", self.release)
        for key_file, problem in ((secret, None), (other, "not the public half"), ("", "no secret key")):
            result = shell(
                "release.sh", "sign_release", self.release, MINISIGN_KEY_FILE=str(key_file), MINISIGN_PUBLIC_KEY=accepted)
            self.assertEqual(result.returncode == 0, problem is None, result.stdout)
            self.assertIn(problem or "", result.stdout)


class BuildVariables(unittest.TestCase):
    def test_the_workflow_and_the_image_pass_each_variable_of_the_compiler(self):
        source = (ROOT / "src-tauri/crates/gateway/src/updates/source.rs").read_text()
        variables = re.findall(r'option_env!\("(\w+)"\)', source)
        self.assertEqual(len(variables), 2)
        workflow, image = (ROOT / ".github/workflows/release.yml").read_text(), (ROOT / "Dockerfile").read_text()
        for variable in variables:
            self.assertRegex(workflow, rf"(?m)^  {variable}: \$")
            self.assertRegex(workflow, rf"(?m)^            {variable}=\$")
            self.assertRegex(image, rf"(?m)^ARG {variable}$")


if __name__ == "__main__":
    unittest.main()
