# shellcheck shell=bash
# The .deb of the headless program alone, for servers: it needs no desktop library. linux-package.sh is sourced before.

headless_package=mammouth-proxy-headless

# stage_headless TREE PROGRAM: all files of the package.
stage_headless() {
  local tree=$1 share=$1/usr/share kind
  rm -rf "$tree"
  install_program "$2" "$tree/usr/bin/mammouth-proxy"
  for kind in system user; do
    install -D -m 644 -t "$tree/usr/lib/systemd/$kind" "packaging/linux/systemd/$kind/mammouth-proxy.service"
  done
  run_packaged "$tree/usr/bin/mammouth-proxy" generate "$share"
  rm -f "$share"/man/man1/mammouth-proxy-desktop.1
  gzip -9n "$share"/man/man1/*.1
  install -D -m 644 -t "$share/doc/$headless_package" packaging/linux/copyright CHANGELOG.md
  debian_changelog "$headless_package" | gzip -9n >"$share/doc/$headless_package/changelog.gz"
  find "$tree" -type d -exec chmod 755 {} +
  find "$share" -type f -exec chmod 644 {} +
}

# make_headless_deb TREE FOLDER COMPRESSION...: prints the file.
make_headless_deb() {
  local tree=$1 file
  file=$2/${headless_package}_${package_version}_$(debian_architecture).deb
  mkdir -p "$2" "$tree/DEBIAN"
  install -m 755 packaging/linux/debian/* "$tree/DEBIAN"
  cat >"$tree/DEBIAN/control" <<END
Package: $headless_package
Version: $package_version
Architecture: $(debian_architecture)
Maintainer: $package_maintainer
Installed-Size: $(du -k -s --exclude DEBIAN "$tree" | cut -f 1)
Depends: $(library_packages "$tree"/usr/bin/*), ca-certificates
Conflicts: $package_name
Replaces: $package_name
Section: net
Priority: optional
Description: local proxy without a desktop, answered by your Mammouth AI accounts
 Mammouth Proxy speaks the APIs of OpenAI, Anthropic and Ollama to programs on
 this computer and answers from your own Mammouth AI accounts. This package
 holds the server and its command line; mammouth-proxy has the tray and the
 window too.
 .
 It is unofficial: Mammouth AI neither makes nor supports it.
END
  (cd "$tree" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
  dpkg-deb --root-owner-group "${@:3}" --build "$tree" "$file" >/dev/null
  rm -rf "$tree/DEBIAN"
  echo "$file"
}
