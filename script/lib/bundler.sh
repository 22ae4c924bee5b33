# shellcheck shell=bash
# Tauri's bundler, which packs what has been built already. Its own build would make both programs at once.

bundler=$target/tools/bundler

# run_bundler KINDS SYSTEM HEADLESS_PROGRAM [OPTION...]: SYSTEM is the Rust target, whose desktop program lies where cargo
# puts it.
run_bundler() {
  local ending=
  case $2 in *windows*) ending=.exe ;; esac
  mkdir -p "$bundler"
  cp script/lib/bundler/package.json script/lib/bundler/package-lock.json "$bundler"
  npm ci --prefix "$bundler" --ignore-scripts --no-audit --no-fund --loglevel error
  # The bundler packs the main program; another goes beside it under the name of what it is built for.
  cp "$3" "$bundler/mammouth-proxy-$2$ending"
  "$bundler/node_modules/.bin/tauri" bundle --bundles "$1" "${@:4}" \
    --config "{\"bundle\":{\"externalBin\":[\"$bundler/mammouth-proxy\"]}}"
}
