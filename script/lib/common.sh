# shellcheck shell=bash
# What every script starts with: where the project is, where builds go, and how to speak.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

# An outer CARGO_TARGET_DIR wins, so that several checkouts can share one cache.
target=${CARGO_TARGET_DIR:-$root/target}
case $target in /*) ;; *) target=$OLDPWD/$target ;; esac
export CARGO_TARGET_DIR=$target

say() { printf '\n== %s\n' "$*"; }

note() { printf '   %s\n' "$*"; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# A window can be shown: X11 or Wayland says where.
has_display() { [ -n "${DISPLAY:-}" ] || [ -n "${WAYLAND_DISPLAY:-}" ]; }

# Rust comes with the machine: its installer differs too much from one person to the next.
need_rust() {
  has cargo || fail "cargo was not found. Install Rust (https://rustup.rs), then run this again."
  local wanted have
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  have=$(rustc --version | cut -d ' ' -f 2) || fail "rustc does not start: rustup could not install the toolchain of rust-toolchain.toml."
  [ "$(printf '%s\n%s\n' "$wanted" "$have" | sort -V | head -n 1)" = "$wanted" ] ||
    fail "Rust $wanted or newer is needed, this is $have. Run: rustup update stable"
}

# Whether the compiler is that of rust-toolchain.toml, whose lints and formatting count. Others know other lints.
has_pinned_rust() {
  local pinned
  pinned=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
  [ "$(rustc --version | cut -d ' ' -f 2)" = "$pinned" ]
}

# Polls until a command succeeds: until_true SECONDS COMMAND...
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.1
  done
}

source script/lib/node.sh
