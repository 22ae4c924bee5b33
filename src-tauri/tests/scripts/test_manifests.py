"""The manifests of package managers, made from the checksums of a made-up release."""

import hashlib
import json
import pathlib
import re
import subprocess
import tempfile
import unittest

from project import ROOT

VERSION = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
BASE_URL = f"https://example.test/download/v{VERSION}"
HOMEPAGE = "https://example.test/mammouth-proxy"
KINDS = (
    "linux-x86_64.tar.zst", "linux-aarch64.tar.zst", "macos-universal.dmg", "macos-universal.app.tar.gz",
    "windows-x86_64-setup.exe", "windows-aarch64-setup.exe", "windows-x86_64.zip", "windows-aarch64.zip", "source.tar.zst")


def name_of(kind):
    return f"mammouth-proxy-{VERSION}-{kind}"


def digest_of(kind):
    return hashlib.sha256(kind.encode()).hexdigest()


class Manifests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.out = self.folder / "out"

    def make(self, names):
        lines = [f"{digest}  {name}\n" for name, digest in names.items()]
        (self.folder / "SHA256SUMS").write_text("".join(lines))
        return subprocess.run(
            [ROOT / "script/manifests", self.folder, f"{BASE_URL}/", HOMEPAGE, self.out],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

    def make_all(self):
        result = self.make({name_of(kind): digest_of(kind) for kind in KINDS})
        self.assertEqual(result.returncode, 0, result.stdout)

    def ruby(self, *arguments):
        result = subprocess.run(["ruby", *arguments], capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def yaml(self, path):
        program = 'puts JSON.generate(YAML.safe_load(File.read(ARGV[0])))'
        return json.loads(self.ruby("-ryaml", "-rjson", "-e", program, path))

    def test_no_placeholder_is_left_and_every_checksum_is_of_its_file(self):
        self.make_all()
        files = [path for path in self.out.rglob("*") if path.is_file()]
        self.assertGreater(len(files), 7)
        for path in files:
            text = path.read_text()
            self.assertNotRegex(f"{path} {text}", r"@(version|homepage|url|sha256|name)\b", path)
            digests = {digest_of(kind) for kind in KINDS}
            self.assertLessEqual(set(re.findall(r"\b[0-9a-f]{64}\b", text)), digests)
            # A file's checksum stands right behind its address.
            for url, digest in re.findall(rf'{re.escape(BASE_URL)}/(\S+?)["\'\n].*?([0-9a-f]{{64}})', text, re.S):
                if path.suffix in (".rb", ".json", ".yml", ".yaml") and path.parent.name != "Casks":
                    self.assertEqual(digest, digest_of(url.removeprefix(f"mammouth-proxy-{VERSION}-")), path)

    def test_homebrew_s_files_are_ruby(self):
        self.make_all()
        for name in ("Formula", "Casks"):
            self.ruby("-c", self.out / "homebrew" / name / "mammouth-proxy.rb")
        self.assertIn(digest_of("macos-universal.dmg"), (self.out / "homebrew/Casks/mammouth-proxy.rb").read_text())

    def test_winget_s_files_agree(self):
        self.make_all()
        files = [self.yaml(path) for path in sorted((self.out / "winget" / VERSION).glob("*.yaml"))]
        self.assertEqual({file["ManifestType"] for file in files}, {"version", "installer", "defaultLocale"})
        self.assertEqual({(file["PackageIdentifier"], file["PackageVersion"]) for file in files},
                         {("MammouthProxy.MammouthProxy", VERSION)})
        installers = next(file for file in files if file["ManifestType"] == "installer")["Installers"]
        for architecture, installer in zip(("x86_64", "aarch64"), installers, strict=True):
            self.assertEqual(installer["InstallerSha256"], digest_of(f"windows-{architecture}-setup.exe"))

    def test_scoop_s_file_names_both_processors(self):
        self.make_all()
        scoop = json.loads((self.out / "scoop/bucket/mammouth-proxy.json").read_text())
        self.assertEqual(scoop["version"], VERSION)
        self.assertEqual(scoop["architecture"]["arm64"]["hash"], digest_of("windows-aarch64.zip"))
        self.assertEqual(scoop["architecture"]["64bit"]["url"], f"{BASE_URL}/{name_of('windows-x86_64.zip')}")

    def test_the_pkgbuild_is_what_its_srcinfo_says(self):
        self.make_all()
        folder = self.out / "aur/mammouth-proxy-bin"
        names = ("pkgver", "pkgdesc", "url", "depends", "source_x86_64", "sha256sums_x86_64", "source_aarch64",
                 "sha256sums_aarch64")
        script = f'source "$1"; for name in {" ".join(names)}; do declare -n value=$name; ' \
                 'printf "\t%s = %s\n" "$name" "$value"; done'
        # The first value of each variable.
        said = subprocess.run(["bash", "-euc", script, "bash", folder / "PKGBUILD"], capture_output=True, text=True, check=True)
        info = (folder / ".SRCINFO").read_text()
        for line in said.stdout.splitlines():
            self.assertIn(f"{line}\n", info)

    def test_flathub_s_manifest_builds_from_the_source_archive(self):
        self.make_all()
        manifest = self.yaml(self.out / "flathub/dev.mammouthproxy.MammouthProxy.yml")
        self.assertEqual(manifest["id"], "dev.mammouthproxy.MammouthProxy")
        source = manifest["modules"][-1]["sources"][0]
        self.assertEqual(source["sha256"], digest_of("source.tar.zst"))

    def test_a_file_that_is_not_in_the_release_is_named(self):
        result = self.make({name_of(kind): digest_of(kind) for kind in KINDS if kind != "macos-universal.dmg"})
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(name_of("macos-universal.dmg"), result.stdout)

    def test_an_unsigned_build_is_taken_under_its_own_name(self):
        names = {name_of(kind): digest_of(kind) for kind in KINDS if kind != "macos-universal.dmg"}
        unsigned = name_of("macos-universal-unsigned.dmg")
        result = self.make({**names, unsigned: digest_of("unsigned")})
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertIn(f"{BASE_URL}/{unsigned}", (self.out / "homebrew/Casks/mammouth-proxy.rb").read_text())


if __name__ == "__main__":
    unittest.main()
