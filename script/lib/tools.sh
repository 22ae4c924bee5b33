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

# Keeps the folders of this machine out of a program, so that another machine builds the same one. Stable Cargo has no
# `trim-paths` yet.
remap_paths() {
  local registry=${CARGO_HOME:-$HOME/.cargo}/registry/src
  export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
  # The last prefix that fits counts. Spaces in a path would end a flag, so the flags are separated by another character.
  export CARGO_ENCODED_RUSTFLAGS="--remap-path-prefix=$root=/mammouth-proxy"$'\x1f'"--remap-path-prefix=$target=/target"
  CARGO_ENCODED_RUSTFLAGS+=$'\x1f'"--remap-path-prefix=$registry=/crates"
  export CFLAGS="${CFLAGS:-} -ffile-prefix-map=$registry=/crates -ffile-prefix-map=$target=/target"
}

# build_release OPTION...: with AUDITABLE=1 the program carries the list of its crates, which `cargo audit bin` reads.
build_release() (
  case $(uname -s) in Linux) remap_paths ;; esac
  if [ "${AUDITABLE:-}" = 1 ]; then
    PATH=$(cargo_tool cargo-auditable 0.7.7):$PATH cargo auditable build --release --locked "$@"
  else
    cargo build --release --locked "$@"
  fi
)
