# shellcheck shell=bash
# What script/test-systems tests of Windows. Wine serves every process from one server: more than two at a time gain nothing.

# cross_test OPTION...: cargo's tests under Wine, without a display.
cross_test() {
  env -u DISPLAY cargo test --locked --target "$windows_target" "$@"
}

# What Wine cannot do: TLS with a certificate authority of the test's own, and a connection that is reset. The last test is
# of a build without an address for updates, which the one for windows-update-tests.sh has.
windows_skipped=(
  a_link_is_fetched_without_any_credential
  a_reset_comes_after_its_chunks
  images::s03_ images::s04_a_name images::s05_ images::s06_
  tests::http2:: tests::tls::
  this_build_has_no_address_for_updates
)

test_windows_units() {
  local name skipped=()
  for name in "${windows_skipped[@]}"; do skipped+=(--skip "$name"); done
  cross_test --workspace --lib --no-fail-fast -- "${skipped[@]}"
}

# The set that says most for its time: the whole takes more than 10 minutes.
test_windows_program() {
  cross_test --workspace --test it -- --test-threads 2 \
    accounts:: commands:: lifecycle:: storage:: settings:: keyless:: streams::
}

# The opposite of a command, which `set -e` hears, other than of `!`.
fails() { if "$@"; then return 1; fi; }

windows_user=$windows_c/users/$(id -un)
windows_data=$windows_user/AppData/Local/mammouth-proxy/data
windows_run_key='HKCU\Software\Microsoft\Windows\CurrentVersion\Run'
windows_name='Mammouth Proxy'

# start_desktop PROGRAM: starts a demo and waits until it listens. Sets desktop_address and desktop_process.
start_desktop() {
  # Or the line of the program before would be found.
  rm -f "$WINEPREFIX/stdout" "$WINEPREFIX/stderr"
  "$wine" "$1" --demo --port 0 >"$WINEPREFIX/stdout" 2>"$WINEPREFIX/stderr" &
  desktop_process=$!
  until_true 60 grep -qs '^listening on ' "$WINEPREFIX/stdout" || { cat "$WINEPREFIX/stderr"; return 1; }
  desktop_address=$(sed -n 's/^listening on \(http:[^[:cntrl:]]*\).*/\1/p' "$WINEPREFIX/stdout" | head -n 1)
}

# A window that is being built, however long that takes, must not keep the proxy from answering.
answers_at_once() { curl -fsS --max-time 3 "$desktop_address/healthz"; }

# Sends a management command: manage NAME JSON
manage() {
  curl -fsS --max-time 20 "$desktop_address/control/$1" -H "Authorization: Bearer $(cat "$windows_data/demo/control-token")" \
    -H 'Content-Type: application/json' -d "$2"
}

stop_desktop() {
  "$wine" "$1" --demo stop
  wait "$desktop_process"
}

# Wine makes no window without a display, and waits for one. The proxy answers all the same.
test_windows_without_display() {
  (
    unset DISPLAY
    start_desktop "$windows_folder/mammouth-proxy-desktop.exe"
    answers_at_once
    [ -e "$windows_data/demo/control-token" ] || { echo "the data is not below AppData/Local"; return 1; }
  )
  end_wine
}

# on_display COMMAND...: on a display of its own, which ends with it.
on_display() (
  set -e
  exec 7<>"$(fifo="$WINEPREFIX/display" && rm -f "$fifo" && mkfifo "$fifo" && echo "$fifo")"
  setsid Xvfb -displayfd 7 -screen 0 1280x800x24 -nolisten tcp 2>/dev/null &
  server=$!
  trap 'end_wine; kill "$server"' EXIT
  read -r number <&7
  export DISPLAY=:$number
  "$@"
)

test_windows_desktop() { on_display use_windows_desktop; }

use_windows_desktop() {
  local program=$windows_folder/mammouth-proxy-desktop.exe
  start_desktop "$program"
  answers_at_once
  echo "no WebView2 here: a dialog says so, and offers the browser"
  until_true 60 xdotool search --onlyvisible --name '^The window cannot be shown$' >/dev/null
  answers_at_once
  grep -q 'the window cannot be opened' "$WINEPREFIX/stderr" "$windows_data"/demo/logs/*
  echo "a second start ends well"
  "$wine" "$program" --demo --port 0
  use_windows_autostart
  stop_desktop "$windows_folder/mammouth-proxy.exe"
}

use_windows_autostart() {
  # The desktop part comes a moment after the proxy.
  until_true 30 manage settings.set '{"name":"autostart","value":true}'
  "$wine" reg query "$windows_run_key" /v "$windows_name" | tee "$WINEPREFIX/value"
  grep -q '".*mammouth-proxy-desktop.exe" --hidden' "$WINEPREFIX/value"
  manage settings.set '{"name":"autostart","value":false}' >/dev/null
  fails "$wine" reg query "$windows_run_key" /v "$windows_name"
}

test_windows_installer() { on_display use_windows_installer; }

# Debug programs, packed fast: the layout is that of a release.
use_windows_installer() {
  local files=$WINEPREFIX/files setup=$WINEPREFIX/mammouth-proxy-setup.exe
  local installed=$windows_user/AppData/Local/Programs/$windows_name
  stage_windows "$files" "$windows_folder"
  make_installer "$files" "$setup" -DCOMPRESSOR=zlib
  make_zip "$files" "$WINEPREFIX/portable.zip"
  [ "$(unzip -Z1 "$WINEPREFIX/portable.zip" | wc -l)" -eq 4 ]
  echo "installing"
  find "$windows_c" -type f | sort >"$WINEPREFIX/before"
  "$wine" "$setup" /S
  "$wine" reg query "HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\$windows_name" /v DisplayVersion
  start_desktop "$installed/mammouth-proxy-desktop.exe"
  answers_at_once
  # The desktop part comes a moment after the proxy.
  until_true 30 manage settings.set '{"name":"autostart","value":true}'
  echo "updating over the running program"
  "$wine" "$setup" /S
  wait "$desktop_process"
  grep -q 'stopping: running answers' "$WINEPREFIX/stderr"
  start_desktop "$installed/mammouth-proxy-desktop.exe"
  answers_at_once
  echo "uninstalling"
  "$wine" "$installed/uninstall.exe" /S
  # It copies itself and goes on from there.
  until_true 60 test ! -e "$installed"
  wineserver --wait
  fails "$wine" reg query "$windows_run_key" /v "$windows_name"
  fails "$wine" reg query "HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\$windows_name"
  find "$windows_c" -type f | sort >"$WINEPREFIX/after"
  comm -13 "$WINEPREFIX/before" "$WINEPREFIX/after" >"$WINEPREFIX/left"
  fails grep -v "^$windows_data/\|/AppData/Local/Temp/\|/drive_c/windows/" "$WINEPREFIX/left"
}
