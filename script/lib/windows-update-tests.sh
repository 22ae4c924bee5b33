# shellcheck shell=bash
# What script/test-systems tests of updates on Windows: the programs are built with an address on loopback and a key of
# the test, and replace themselves from a signed list of releases there.

update_folder=$target/windows-update
update_feed=$update_folder/feed
update_version=9.0.0
update_entry="HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\$windows_name"

# Serves a folder for the whole run, since the programs are built with its address, which it exports with the key's.
start_update_feed() {
  rm -rf "$update_folder"
  mkdir -p "$update_feed"
  python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$update_feed" >"$update_folder/server" 2>&1 &
  update_server=$!
  trap 'kill "$update_server"; rm -f "$part_log"' EXIT
  until_true 30 grep -qs '^Serving HTTP on' "$update_folder/server" || fail "the list of releases cannot be served"
  update_url=$(sed -n 's/^Serving HTTP on .* port \([0-9]*\) .*/http:\/\/127.0.0.1:\1/p' "$update_folder/server")
  minisign -G -W -p "$update_folder/key.pub" -s "$update_folder/key" >/dev/null
  export MAMMOUTH_PROXY_BUILD_FEED_URL=$update_url/updates.json
  MAMMOUTH_PROXY_BUILD_PUBLIC_KEY=$(tail -n 1 "$update_folder/key.pub")
  export MAMMOUTH_PROXY_BUILD_PUBLIC_KEY
}

# publish_update FOLDER: announces the files of a folder as a newer version.
publish_update() {
  rm -f "$update_feed"/*
  make_zip "$1" "$update_feed/mammouth-proxy-$package_version-windows-x86_64.zip"
  script/update-feed "$update_feed" "$update_url"
  sed -i "s/\"version\": \"[^\"]*\"/\"version\": \"$update_version\"/" "$update_feed/updates.json"
  MINISIGN_KEY_FILE=$update_folder/key script/checksums "$update_feed"
}

# make_unusable FOLDER [OPTION...]: programs that do not serve.
make_unusable() {
  local program
  cp -r "$update_folder/old" "$1"
  for program in mammouth-proxy mammouth-proxy-desktop; do
    x86_64-w64-mingw32-gcc -O2 -s "${@:2}" -o "$1/$program.exe" script/lib/windows/unusable.c
  done
}

# The installed files, a newer version, and two that do not serve. The newer one is the same with something at the end of
# each file: what counts is which file is installed.
make_update_files() {
  local file
  stage_windows "$update_folder/old" "$windows_folder"
  # Debug programs, without what a debugger reads.
  x86_64-w64-mingw32-strip "$update_folder"/old/*.exe
  cp -r "$update_folder/old" "$update_folder/newer"
  for file in "$update_folder"/newer/*.exe "$update_folder"/newer/*.dll; do printf 'newer' >>"$file"; done
  make_unusable "$update_folder/ending" -DENDS
  make_unusable "$update_folder/hanging"
}

# start_updatable PROGRAM DATA_FOLDER OPTION...: starts it, and waits until it serves. Sets update_data and
# update_instance.
start_updatable() {
  local program=$1
  update_data=$2
  MAMMOUTH_PROXY_NO_KEYCHAIN=1 "$wine" "$program" "${@:3}" --port 0 >"$WINEPREFIX/stdout" 2>"$WINEPREFIX/stderr" &
  until_true 60 test -s "$update_data/instance.json" || { cat "$WINEPREFIX/stderr"; return 1; }
  update_instance=$(cat "$update_data/instance.json")
}

# Another process than the one before serves, and the helper has finished.
is_restarted() {
  [ -s "$update_data/instance.json" ] && [ "$(cat "$update_data/instance.json")" != "$update_instance" ] &&
    [ ! -e "$update_data/update/state.json" ]
}

# install_update FOLDER OPTION...: runs the command with the installed program, and waits until a program serves again.
install_update() {
  local folder=$1
  "$wine" "$folder/mammouth-proxy.exe" "${@:2}" update --install
  until_true 120 is_restarted || { cat "$WINEPREFIX/stderr"; return 1; }
  update_instance=$(cat "$update_data/instance.json")
  curl -fsS --max-time 10 "http://$(sed -n 's/.*"address":"\([^"]*\)".*/\1/p' <<<"$update_instance")/healthz"
}

# has_files INSTALLED EXPECTED: the programs are those, and nothing is left beside them.
has_files() {
  local file
  for file in mammouth-proxy.exe mammouth-proxy-desktop.exe WebView2Loader.dll; do cmp "$1/$file" "$2/$file"; done
  [ -z "$(find "$1" -name '*.new' -o -name '*.old')" ]
}

# says_why TEXT COMMAND...: the program tells why a version was not kept.
says_why() {
  local text=$1
  shift
  { "$@" status || true; } | tee "$WINEPREFIX/said"
  grep -q "version $update_version was not kept: $text" "$WINEPREFIX/said"
}

test_windows_update() { on_display use_windows_update; }

use_windows_update() {
  make_update_files
  update_windows_portable
  update_windows_installed
}

update_windows_portable() {
  local folder=$windows_c/portable options=(--data-dir 'C:\portable-data')
  mkdir "$folder"
  cp "$update_folder"/old/* "$folder"
  start_updatable "$folder/mammouth-proxy.exe" "$windows_c/portable-data" "${options[@]}" serve
  echo "portable: a version that ends is taken back"
  publish_update "$update_folder/ending"
  install_update "$folder" "${options[@]}"
  has_files "$folder" "$update_folder/old"
  says_why 'it ended before it served: exit code: 7' "$wine" "$folder/mammouth-proxy.exe" "${options[@]}"
  echo "portable: a newer version"
  publish_update "$update_folder/newer"
  install_update "$folder" "${options[@]}"
  has_files "$folder" "$update_folder/newer"
  "$wine" "$folder/mammouth-proxy.exe" "${options[@]}" stop
}

update_windows_installed() {
  local setup=$update_folder/mammouth-proxy-setup.exe folder=$windows_user/AppData/Local/Programs/$windows_name
  make_installer "$update_folder/old" "$setup" -DCOMPRESSOR=zlib
  "$wine" "$setup" /S
  start_updatable "$folder/mammouth-proxy-desktop.exe" "$windows_data" --hidden
  echo "installer: a version that never serves is taken back"
  publish_update "$update_folder/hanging"
  install_update "$folder"
  has_files "$folder" "$update_folder/old"
  says_why 'it did not serve within 60 s' "$wine" "$folder/mammouth-proxy.exe"
  "$wine" reg query "$update_entry" /v DisplayVersion | grep -F " $package_version"
  echo "installer: a newer version"
  publish_update "$update_folder/newer"
  install_update "$folder"
  has_files "$folder" "$update_folder/newer"
  "$wine" reg query "$update_entry" /v DisplayVersion | grep -F " $update_version"
  "$wine" "$folder/mammouth-proxy.exe" stop
  "$wine" "$folder/uninstall.exe" /S
  until_true 60 test ! -e "$folder"
}
