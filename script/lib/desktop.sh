#!/usr/bin/env bash
# Runs the desktop tests against a built program: script/lib/desktop.sh DESKTOP_PROGRAM HEADLESS_PROGRAM [TEST...]
# They start their own displays, window managers, buses and keyrings, and touch nobody's.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
export MAMMOUTH_PROXY_DESKTOP_BIN=$1 MAMMOUTH_PROXY_BIN=$2 PYTHONDONTWRITEBYTECODE=1
shift 2
cd src-tauri/tests/desktop
# Debian's own Python: the bindings of GLib are a package of the system.
if [ $# -eq 0 ]; then set -- discover --start-directory . --pattern 'test_*.py'; fi
exec /usr/bin/python3 -m unittest "$@" --verbose
