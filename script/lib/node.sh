# shellcheck shell=bash
# Node.js: the machine's own where that is new enough, otherwise one beside the builds.

node_major=22
node_folder=$target/tools/node
# Programs of the npm packages are found first where they were installed.
[ -x "$node_folder/node_modules/.bin/node" ] && PATH=$node_folder/node_modules/.bin:$PATH

need_node() {
  has npm || fail "npm was not found. Install Node.js $node_major or newer (https://nodejs.org), then run this again."
  has_new_node && return
  install_node
  PATH=$node_folder/node_modules/.bin:$PATH
  has_new_node || fail "Node.js $node_major or newer is needed, and this machine's is $(node --version 2>&1). The npm registry has" \
    "it for Linux on x86-64 and ARM64; elsewhere install it from https://nodejs.org, then run this again."
}

has_new_node() {
  local version
  version=$(node --version 2>/dev/null) || return 1
  version=${version#v}
  [ "${version%%.*}" -ge "$node_major" ]
}

# npm takes the package of this system and processor only, and compares it with the digest in the lock file.
install_node() {
  note "Installing Node.js $node_major beside the builds: this machine has $(node --version 2>/dev/null || echo none)" >&2
  mkdir -p "$node_folder"
  cp script/lib/node/package.json script/lib/node/package-lock.json "$node_folder"
  npm ci --prefix "$node_folder" --ignore-scripts --no-audit --no-fund --loglevel error >&2
}
