"""Made-up requests from our own OpenAPI file: none may end in a 5xx, and every answer has the form that the file says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from program import KEY
from upstreams import WEB

CASES = 15
FORM = "status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance"
NO_CRASH = f"not_a_server_error,{FORM}"
EMBEDDINGS = "embed"


def run(program, folder, *options):
    command = [Path(sys.executable).with_name("schemathesis"), "run", f"{program.url}/openapi.json"]
    command += ["--url", program.url, "--header", f"Authorization: Bearer {KEY}", *options]
    command += ["--phases", "coverage,fuzzing", "--max-examples", str(CASES), "--seed", "7"]
    command += ["--generation-database", "none", "--suppress-health-check", "all", "--no-color"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=540)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert re.search(r"[1-9]\d* generated", done.stdout), done.stdout


# Once is enough, since it takes a minute: what is made up hardly ever comes as far as an upstream.
@pytest.mark.parametrize("upstream", [WEB], ids=str, indirect=True)
def test_p06_no_crash_and_no_break_of_the_schema(program, tmp_path):
    run(program, tmp_path, "--exclude-path-regex", EMBEDDINGS, "--checks", NO_CRASH)


def test_p06_embeddings_that_nobody_has_are_a_503_and_no_break_of_the_schema(program, upstream, tmp_path):
    run(program, tmp_path, "--include-path-regex", EMBEDDINGS, "--checks", NO_CRASH if upstream.embeddings else FORM)
