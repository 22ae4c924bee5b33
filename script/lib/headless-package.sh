# shellcheck shell=bash
# The .deb of the headless program alone, for servers: it needs no desktop library. Also for another processor.

headless_package=mammouth-proxy-headless

# stage_headless TREE PROGRAM [RUNNER...]: all files of the package. RUNNER starts a program of another processor.
stage_headless() {
  local tree=$1 share=$1/usr/share program=$2 kind
  shift 2
  rm -rf "$tree"
  install -D -m 755 "$program" "$tree/usr/bin/mammouth-proxy"
  for kind in system user; do
    install -D -m 644 -t "$tree/usr/lib/systemd/$kind" "packaging/linux/systemd/$kind/mammouth-proxy.service"
  done
  "$@" "$program" generate "$share"
  rm -f "$share"/man/man1/mammouth-proxy-desktop.1
  gzip -9n "$share"/man/man1/*.1
  install -D -m 644 -t "$share/doc/$headless_package" packaging/linux/copyright CHANGELOG.md
  debian_changelog "$headless_package" | gzip -9n >"$share/doc/$headless_package/changelog.gz"
  find "$tree" -type d -exec chmod 755 {} +
  find "$share" -type f -exec chmod 644 {} +
}

# make_headless_deb TREE FOLDER ARCHITECTURE COMPRESSION...: prints the file.
make_headless_deb() {
  local tree=$1 file=$2/${headless_package}_${package_version}_$3.deb prefix=
  mkdir -p "$2" "$tree/DEBIAN"
  install -m 755 packaging/linux/debian/* "$tree/DEBIAN"
  [ "$3" = "$(dpkg --print-architecture)" ] || prefix=$(dpkg-architecture -a"$3" -qDEB_HOST_GNU_TYPE 2>/dev/null)-
  "${prefix}strip" --strip-unneeded "$tree/usr/bin/mammouth-proxy"
  cat >"$tree/DEBIAN/control" <<END
Package: $headless_package
Version: $package_version
Architecture: $3
Maintainer: $package_maintainer
Installed-Size: $(du -k -s --exclude DEBIAN "$tree" | cut -f 1)
Depends: $(headless_depends "$tree" "$3"), ca-certificates
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
  dpkg-deb --root-owner-group "${@:4}" --build "$tree" "$file" >/dev/null
  rm -rf "$tree/DEBIAN"
  echo "$file"
}

# The libraries of another processor lie in packages for cross-building, which are named after the real ones.
headless_depends() {
  local work
  work=$(mktemp -d)
  install -D /dev/null "$work/debian/control"
  (cd "$work" && dpkg-shlibdeps -O -l"/usr/$(dpkg-architecture -a"$2" -qDEB_HOST_GNU_TYPE 2>/dev/null)/lib" \
    -e"$1/usr/bin/mammouth-proxy" 2>/dev/null) | sed -n "s/^shlibs:Depends=//p" | sed "s/-$2-cross//g; s/:$2\\b//g"
  rm -rf "$work"
}
