#!/usr/bin/env bash
# Starts the desktop program on a virtual display of its own: it must show its window, serve, be the only one on its
# data, and end when it is asked to. script/lib/window.sh PROGRAM
program=$1
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
seconds=60

home=$(mktemp -d)
trap 'kill ${app:-} ${server:-} 2>/dev/null || true; rm -rf "$home"' EXIT

# desktop DISPLAY: the program in a clean environment, without a session of anybody's. `timeout` hands signals on, and
# gives back the program's own exit code, or 124 when it did not end.
desktop() {
  exec env -i PATH="$PATH" HOME="$home" XDG_RUNTIME_DIR="$home" DISPLAY="$1" GDK_BACKEND=x11 \
    timeout "$((2 * seconds))" "$program" --demo --port 0 --data-dir "$home/data"
}

# ends CODE WORDS DISPLAY: starts it where it cannot run, which it must say.
ends() {
  local code=0
  (desktop "$3") >"$home/out.txt" 2>&1 || code=$?
  if [ "$code" != "$1" ] || ! grep -q "$2" "$home/out.txt"; then
    cat "$home/out.txt"
    fail "it ended with $code instead of $1 and '$2'"
  fi
}

is_listening() { kill -0 "$app" 2>/dev/null && grep -q '^listening on ' "$home/app.txt"; }

has_window() {
  kill -0 "$app" 2>/dev/null &&
    DISPLAY=$display xdotool search --onlyvisible --name '^Mammouth Proxy$' >/dev/null 2>&1
}

answers() {
  local port
  port=$(sed -n 's|^listening on http://127.0.0.1:||p' "$home/app.txt")
  exec 4<>"/dev/tcp/127.0.0.1/$port"
  printf 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n' "$port" >&4
  grep -q '{"status":"ok"}' <&4
  exec 4>&-
}

ends 1 'no display' ''
note "without a display it says so"

# The server picks a free display number and writes it once clients can connect.
mkfifo "$home/display"
Xvfb -displayfd 3 -screen 0 1024x768x24 -nolisten tcp 3>"$home/display" 2>"$home/xvfb.txt" &
server=$!
read -r -t "$seconds" number <"$home/display" || { cat "$home/xvfb.txt"; fail "no virtual display"; }
display=:$number

desktop "$display" >"$home/app.txt" 2>&1 &
app=$!
until_true "$seconds" is_listening || { cat "$home/app.txt"; fail "it does not listen"; }
until_true "$seconds" has_window || { cat "$home/app.txt"; fail "it shows no window"; }
note "the window is there"
answers || fail "it does not answer"
note "it answers"
ends 3 'already' "$display"
note "a second one is kept out"

kill -TERM "$app"
code=0
wait "$app" || code=$?
app=
[ "$code" -eq 0 ] || { cat "$home/app.txt"; fail "SIGTERM ended it with $code instead of 0"; }
note "SIGTERM ended it with 0"
