# shellcheck shell=bash
# Steps of a release that need no build: notes, checks, checksums, signatures.

package_version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

# release_notes VERSION CHANGELOG: the section of a version, without its heading and the links at the end.
release_notes() {
  local notes
  notes=$(awk -v version="$1" '
    /^## \[/ { inside = index($0, "## [" version "]") == 1; next }
    /^\[[^]]+\]: / { next }
    inside { print }' "$2" | sed -e '/./,$!d')
  [ -n "$notes" ] || fail "$2 has no section [$1], or an empty one"
  printf '%s\n' "$notes"
}

# check_release TAG CHANGELOG METAINFO
check_release() {
  local tag=$1 changelog=$2 metainfo=$3
  [ "$tag" = "v$package_version" ] || fail "the tag is $tag, but Cargo.toml has version $package_version"
  grep -qE "^## \[${package_version//./\\.}\] - [0-9]{4}-[0-9]{2}-[0-9]{2}$" "$changelog" ||
    fail "$changelog has no heading '## [$package_version] - YYYY-MM-DD'"
  release_notes "$package_version" "$changelog" >/dev/null
  grep -qF "<release version=\"$package_version\"" "$metainfo" ||
    fail "$metainfo has no release $package_version"
}

# The files of a release, without what is made from them.
release_files() {
  find "$1" -maxdepth 1 -type f ! -name SHA256SUMS ! -name '*.minisig' -printf '%f\n' | LC_ALL=C sort
}

write_checksums() {
  local files
  mapfile -t files < <(release_files "$1")
  [ ${#files[@]} -gt 0 ] || fail "$1 holds no files"
  (cd "$1" && sha256sum -- "${files[@]}" >SHA256SUMS)
}

# A signature beside each file. The trusted comment names version and file, so that no signed file passes for another.
# MINISIGN_PUBLIC_KEY is the key that the programs of this release check updates with. A release which they refuse is an
# error: nobody would get the next one.
sign_release() {
  local file
  if [ -z "${MINISIGN_KEY_FILE:-}" ]; then
    [ -z "${MINISIGN_PUBLIC_KEY:-}" ] || fail "MINISIGN_PUBLIC_KEY is set, but there is no secret key to sign with"
    note "Not signed: MINISIGN_KEY_FILE names no key"
    return
  fi
  for file in $(release_files "$1") SHA256SUMS; do
    minisign -S -s "$MINISIGN_KEY_FILE" -m "$1/$file" -t "mammouth-proxy $package_version $file" \
      <<<"${MINISIGN_PASSWORD:-}" >/dev/null || fail "$file could not be signed"
  done
  [ -z "${MINISIGN_PUBLIC_KEY:-}" ] ||
    minisign -V -q -P "$MINISIGN_PUBLIC_KEY" -m "$1/SHA256SUMS" ||
    fail "MINISIGN_PUBLIC_KEY is not the public half of the key that signed"
}
