"""The project's scripts as the tests call them: functions of script/lib in a shell of their own."""

import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]


def shell(library, command, *arguments, **environment):
    """Runs a function of `script/lib/LIBRARY`. The result holds its exit code and all that it printed."""
    script = f'source script/lib/common.sh; source "script/lib/$0"; {command} "$@"'
    return subprocess.run(
        ["bash", "-c", script, library, *map(str, arguments)], cwd=ROOT, env={**os.environ, **environment},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
