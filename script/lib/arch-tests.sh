# shellcheck shell=bash
# What script/test-systems tests of Arch Linux: the manifest of the AUR, by makepkg and pacman themselves. The programs are
# the debug programs of this machine, and only their archive is in the release that the manifest is made from.

# make_aur_manifest WORK: a release with one real file, and the manifest from it. Prints the manifest's folder.
make_aur_manifest() {
  source script/lib/linux-package.sh
  source script/lib/portable.sh
  source script/lib/made-up-release.sh
  local release=$1/release
  stage_files "$1/tree" "$target/debug/mammouth-proxy-desktop" "$target/debug/mammouth-proxy" >&2
  make_portable "$1/tree" "$release" "$(uname -m)" >&2
  (cd "$release" && sha256sum -- *) >"$1/SHA256SUMS"
  made_up_checksums "$1/SHA256SUMS"
  script/manifests "$1" https://example.test https://example.test "$1/manifests" >&2
  mv "$release"/* "$1/manifests/aur/$package_name-bin"
  echo "$1/manifests/aur/$package_name-bin"
}

# makepkg refuses to run as root, so that a manifest cannot change the system.
as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups env "HOME=$aur" PKGEXT=.pkg.tar.gz "$@"; }

test_aur_manifest() {
  local work aur system
  work=$(mktemp -d)
  chmod 755 "$work"
  aur=$(make_aur_manifest "$work")
  chown -R 65534:65534 "$aur"
  (cd "$aur" && as_nobody makepkg --printsrcinfo | diff - .SRCINFO && as_nobody makepkg --nodeps --noconfirm)
  system=$work/system
  mkdir -p "$system/var/lib/pacman"
  pacman --root "$system" --noconfirm -dd --upgrade "$aur"/*.pkg.tar.gz
  mkdir "$work/data"
  serve_and_ask "$work/data" "$system/usr/bin/mammouth-proxy"
  pacman --root "$system" --noconfirm --remove mammouth-proxy-bin
  [ -z "$(find "$system" -name '*mammouth*' -not -path '*/var/*')" ]
  rm -rf "$work"
}

test_arch() {
  part "Arch: packages" install_packages "${packages_arch[@]}"
  part "Arch: build" cargo build --locked --workspace --bins
  [ "$failed" -eq 0 ] || return 0
  part "Arch: manifest of the AUR" test_aur_manifest
}
