"""Made-up requests from our own OpenAPI file: none may end in a 5xx, and every answer has the form that the file says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from program import KEY

CASES = 15
FORM = "status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance"
# A web session has no embeddings, and 503 is the answer that the contract wants then.
NEED_AN_API_KEY = "embed"


@pytest.mark.parametrize(
    ("which", "checks"),
    [("--exclude-path-regex", f"not_a_server_error,{FORM}"), ("--include-path-regex", FORM)],
)
def test_p06_no_crash_and_no_break_of_the_schema(program, tmp_path, which, checks):
    command = [Path(sys.executable).with_name("schemathesis"), "run", f"{program.url}/openapi.json"]
    command += ["--url", program.url, "--header", f"Authorization: Bearer {KEY}", "--checks", checks]
    command += [which, NEED_AN_API_KEY, "--phases", "coverage,fuzzing", "--max-examples", str(CASES), "--seed", "7"]
    command += ["--generation-database", "none", "--suppress-health-check", "all", "--no-color"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=540)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert re.search(r"[1-9]\d* generated", done.stdout), done.stdout
