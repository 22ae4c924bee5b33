# shellcheck shell=bash

# made_up_checksums FILE: adds to a SHA256SUMS what a release has and FILE has not yet, with a checksum of zeros.
made_up_checksums() {
  local kind name
  for kind in linux-{x86_64,aarch64}.tar.zst macos-universal.{dmg,app.tar.gz} windows-{x86_64,aarch64}{-setup.exe,.zip} \
    source.tar.zst; do
    name=$package_name-$package_version-$kind
    grep -qs -- "  $name\$" "$1" || printf '%064d  %s\n' 0 "$name" >>"$1"
  done
}
