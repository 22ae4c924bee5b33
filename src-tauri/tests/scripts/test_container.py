"""Dockerfile and compose.yaml: what the documentation says about containers. script/container-test builds the image."""

import re
import unittest

from project import ROOT


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


class ContainerFiles(unittest.TestCase):
    def setUp(self):
        # The last stage is the image; a backslash continues an instruction.
        self.image = read("Dockerfile").replace("\\\n", " ").rsplit("\nFROM ", 1)[1]
        self.compose = read("compose.yaml")

    def test_the_image_names_itself_and_its_licence(self):
        labels = set(re.findall(r"org\.opencontainers\.image\.(\w+)=\"[^\"]+\"", self.image))
        self.assertLessEqual({"title", "description", "licenses"}, labels)

    def test_the_image_runs_without_root_on_a_folder_of_its_user(self):
        user = re.search(r"^USER (\d+)$", self.image, re.M)[1]
        self.assertNotEqual(user, "0")
        self.assertIn(f"install -d -o {user} -g {user} -m 0700 /volumes/data", read("Dockerfile"))
        self.assertRegex(self.image, rf"(?m)^COPY --from=build --chown={user}:{user} /volumes/ /$")
        self.assertIn(f"install -d -o {user} -g {user} -m 0700 data", read("docs/packages.md"))
        self.assertRegex(self.image, r"(?m)^VOLUME /data$")

    def test_the_image_has_a_health_check(self):
        self.assertRegex(self.image, r'(?m)^HEALTHCHECK .*CMD \["mammouth-proxy", "status"\]$')

    def test_nothing_runs_on_an_emulated_processor(self):
        self.assertNotRegex(self.image, r"(?m)^RUN ")
        stages = re.findall(r"^FROM (.+)$", read("Dockerfile"), re.M)
        for stage in stages[:-1]:
            self.assertTrue(stage.startswith("--platform=$BUILDPLATFORM "), stage)

    def test_compose_needs_no_env_file(self):
        self.assertNotIn("env_file", self.compose)

    def test_compose_publishes_on_loopback_only(self):
        ports = self.compose.split("ports:\n", 1)[1].split("volumes:", 1)[0]
        published = re.findall(r"^ *- (.+)$", ports, re.M)
        self.assertTrue(published)
        for port in published:
            self.assertTrue(port.startswith('"127.0.0.1:'), port)

    def test_compose_passes_the_variables_that_the_documentation_names(self):
        for name in ("COOKIES", "API_KEYS", "AUTH_TOKEN", "PORT", "ALLOWED_HOSTS"):
            self.assertRegex(self.compose, rf'(?m)^ +{name}: "\$\{{{name}:')


if __name__ == "__main__":
    unittest.main()
