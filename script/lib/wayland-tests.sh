# shellcheck shell=bash
# What script/test-systems tests of Wayland: the desktop program on a compositor without a screen.

build_desktop() { cargo build --locked --workspace --bin mammouth-proxy-desktop --bin mammouth-proxy; }

# The compositor refuses root, so root runs the tests as a user without rights, from a folder that this user can read.
test_wayland_window() {
  local work as_user=()
  work=$(mktemp -d)
  cp -r src-tauri/tests/desktop src-tauri/tests/wayland "$target/debug/mammouth-proxy-desktop" "$work"
  chmod -R a+rX "$work"
  if [ "$(id -u)" -eq 0 ]; then as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups); fi
  (cd "$work/wayland" && env PYTHONPATH="$work/desktop" PYTHONDONTWRITEBYTECODE=1 \
    MAMMOUTH_PROXY_DESKTOP_BIN="$work/mammouth-proxy-desktop" \
    "${as_user[@]}" /usr/bin/python3 -m unittest discover --start-directory . --verbose)
  rm -rf "$work"
}

test_wayland() {
  part "Wayland: packages" install_packages "${packages_desktop[@]}" "${packages_wayland[@]}"
  part "Wayland: build" build_desktop
  [ "$failed" -eq 0 ] || return 0
  part "Wayland: window, second start, tray" test_wayland_window
}
