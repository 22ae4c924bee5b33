# shellcheck shell=bash
# The SDKs of OpenAI, Anthropic, Ollama and Vercel, and coding agents, as their registries publish them, in the versions
# that the lock files name.

sdk_python=$target/sdk/python

# A virtual environment beside the builds, made anew when the lock file has changed.
install_python_sdk() {
  local lock=src-tauri/tests/sdk/python/requirements.txt
  cmp -s "$lock" "$sdk_python/installed.txt" && return
  note "Installing the Python SDKs"
  rm -rf "$sdk_python"
  python3 -m venv "$sdk_python"
  "$sdk_python/bin/pip" install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r "$lock"
  cp "$lock" "$sdk_python/installed.txt"
}

install_node_sdk() { install_node_packages src-tauri/tests/sdk/node "the Node SDKs"; }

# Their programs lie in packages of their own for each platform, so no script has to fetch them.
install_agents() { install_node_packages src-tauri/tests/agents "the coding agents"; }

install_node_packages() {
  local folder=$1 what=$2
  cmp -s "$folder/package-lock.json" "$folder/node_modules/installed.json" && return
  note "Installing $what"
  npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel error
  cp "$folder/package-lock.json" "$folder/node_modules/installed.json"
}
