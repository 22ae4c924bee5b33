# shellcheck shell=bash
# The user interface, which both programs hold compiled in.

# What builds and tests it, installed anew when the lock file has changed.
install_ui() {
  cmp -s ui/package-lock.json ui/node_modules/installed.json && return
  note "Installing what builds the user interface"
  npm ci --prefix ui --ignore-scripts --no-audit --no-fund --loglevel error
  cp ui/package-lock.json ui/node_modules/installed.json
}

# Builds it where a source is newer than what was built. A cargo build takes up what lies in ui/dist.
build_ui() {
  if [ -f ui/dist/index.html ] &&
    [ -z "$(find ui -path ui/node_modules -prune -o -path ui/dist -prune -o -type f -newer ui/dist/index.html -print -quit)" ]; then
    return
  fi
  install_ui
  npm run --prefix ui --silent build -- --logLevel warn
}
