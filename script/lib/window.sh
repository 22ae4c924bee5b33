#!/usr/bin/env bash
# Starts the desktop program on a virtual display of its own, and sees that it shows its window and ends when asked to.
# script/lib/window.sh PROGRAM
set -euo pipefail
program=$1
seconds=60

home=$(mktemp -d)
display_file=$home/display
trap 'kill ${search:-} ${app:-} ${server:-} 2>/dev/null || true; rm -rf "$home"' EXIT

# The server picks a free display number and writes it once clients can connect.
mkfifo "$display_file"
Xvfb -displayfd 3 -screen 0 1024x768x24 -nolisten tcp 3>"$display_file" 2>"$home/xvfb.txt" &
server=$!
read -r -t "$seconds" number <"$display_file" || { cat "$home/xvfb.txt"; exit 1; }

env -u WAYLAND_DISPLAY DISPLAY=":$number" HOME="$home" XDG_RUNTIME_DIR="$home" GDK_BACKEND=x11 \
  timeout "$((2 * seconds))" "$program" &
app=$!
DISPLAY=":$number" timeout "$seconds" xdotool search --sync --onlyvisible --name '^Mammouth Proxy$' >/dev/null &
search=$!
wait -n "$app" "$search" || { echo "it ended, or no window came within $seconds s"; exit 1; }
kill -0 "$app" 2>/dev/null || { echo "it ended before it showed a window"; exit 1; }
echo "the window is there"

# `timeout` hands the signal on and gives back the program's own exit code, or 124 when the program did not end.
kill -TERM "$app"
code=0
wait "$app" || code=$?
app=
[ "$code" -eq 0 ] || { echo "SIGTERM ended it with $code instead of 0"; exit 1; }
echo "SIGTERM ended it with 0"
