# shellcheck shell=bash
# How release programs are built, and programs of crates.io that a step needs, built once beside the builds.

# cargo_tool NAME VERSION: the folder with its programs.
cargo_tool() {
  local folder=$target/tools/$1-$2
  if [ ! -x "$folder/bin/$1" ]; then
    note "Building $1 $2, which takes some minutes" >&2
    CARGO_TARGET_DIR=$target/tools/build cargo install --quiet --locked --root "$folder" "$1@$2" >&2
  fi
  echo "$folder/bin"
}

# build_release OPTION...: with AUDITABLE=1 the program carries the list of its crates, which `cargo audit bin` reads.
build_release() {
  if [ "${AUDITABLE:-}" = 1 ]; then
    PATH=$(cargo_tool cargo-auditable 0.7.7):$PATH cargo auditable build --release --locked "$@"
  else
    cargo build --release --locked "$@"
  fi
}
