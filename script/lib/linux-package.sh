# shellcheck shell=bash
# .deb and .rpm files: one tree of files, laid out as both systems want it, and packed by the systems' own tools.

package_name=mammouth-proxy
package_version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
# The reverse-DNS name by which desktops, buses and stores know the program. Without a dash, which D-Bus forbids, and
# without an underscore, which macOS forbids.
application_id=dev.mammouthproxy.MammouthProxy
# The placeholder of a project without a public address; a distributor names themselves.
package_maintainer=${PACKAGE_MAINTAINER:-Mammouth Proxy maintainers <maintainers@mammouth-proxy.invalid>}
# Loaded at run time, so that no tool finds it in the program: the tray icon.
package_depends="ca-certificates, libayatana-appindicator3-1"
package_icons=(16x16 24x24 32x32 48x48 64x64 128x128)
about_version=0.9.3
# The dictionary is larger than a program: what both programs hold is stored once.
deb_compression=(-Zxz -z9 -Sextreme)

# The processor that packages are made for. For another than this machine's: what starts a program of it, and the folder
# that holds its libraries, and in `shlibs` what each of them says that its users depend on.
package_processor=$(uname -m)
package_runner=()
package_sysroot=

# stage_files TREE DESKTOP_PROGRAM HEADLESS_PROGRAM [NOTICES]: all files of the package, under TREE.
stage_files() {
  local tree=$1 share=$1/usr/share icon kind
  local documents=$share/doc/$package_name icons=$share/icons/hicolor
  rm -rf "$tree"
  install_program "$2" "$tree/usr/bin/mammouth-proxy-desktop"
  install_program "$3" "$tree/usr/bin/mammouth-proxy"
  install -D -m 644 -t "$share/applications" "packaging/linux/$application_id.desktop"
  install -D -m 644 -t "$share/metainfo" packaging/linux/*.metainfo.xml
  for icon in "${package_icons[@]}"; do
    install -D -m 644 "icons/$icon.png" "$icons/$icon/apps/$application_id.png"
  done
  install -D -m 644 icons/128x128@2x.png "$icons/256x256/apps/$application_id.png"
  install -D -m 644 icons/icon.svg "$icons/scalable/apps/$application_id.svg"
  for kind in system user; do
    install -D -m 644 -t "$tree/usr/lib/systemd/$kind" "packaging/linux/systemd/$kind/mammouth-proxy.service"
  done
  run_packaged "$tree/usr/bin/mammouth-proxy" generate "$share"
  gzip -9n "$share"/man/man1/*.1
  install -D -m 644 -t "$documents" packaging/linux/copyright CHANGELOG.md
  debian_changelog "$package_name" | gzip -9n >"$documents/changelog.gz"
  if [ $# -gt 3 ]; then gzip -9nc "$4" >"$documents/THIRD-PARTY-NOTICES.txt.gz"; fi
  find "$tree" -type d -exec chmod 755 {} +
  find "$share" -type f -exec chmod 644 {} +
}

# install_program PROGRAM FILE: without its symbols.
install_program() {
  local strip=strip
  [ -z "$package_sysroot" ] || strip=$package_processor-linux-gnu-strip
  install -D -m 755 -s --strip-program="$strip" "$1" "$2"
}

# run_packaged PROGRAM ARGUMENT...
run_packaged() { ${package_runner[@]+"${package_runner[@]}"} "$@"; }

# debian_architecture: Debian's name of the processor that packages are made for.
debian_architecture() {
  case $package_processor in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) dpkg --print-architecture ;;
  esac
}

# library_packages PROGRAM...: the packages that hold the libraries of programs, as a .deb depends on them.
library_packages() {
  local work options=() triplet=$package_processor-linux-gnu
  if [ -n "$package_sysroot" ]; then
    options=("-l$package_sysroot/lib/$triplet" "-l$package_sysroot/usr/lib/$triplet" "-L$package_sysroot/shlibs")
  fi
  work=$(mktemp -d)
  # dpkg-shlibdeps reads the name of the package here, and nothing else.
  install -D /dev/null "$work/debian/control"
  (cd "$work" && dpkg-shlibdeps -O ${options[@]+"${options[@]}"} "${@/#/-e}") |
    sed -n 's/^shlibs:Depends=//p'
  rm -rf "$work"
}

# debian_changelog PACKAGE
debian_changelog() {
  printf '%s (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- %s  %s\n' "$1" "$package_version" \
    "$package_maintainer" "$(package_date -R)"
}

# package_date FORMAT: the time of the package, as `date` writes it.
package_date() { LC_ALL=C date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" "$1"; }

# make_deb TREE FOLDER COMPRESSION...: the options of dpkg-deb, such as -Zxz. Prints the file.
make_deb() {
  local tree=$1 file libraries
  file=$2/${package_name}_${package_version}_$(debian_architecture).deb
  mkdir -p "$2" "$tree/DEBIAN"
  install -m 755 packaging/linux/debian/* "$tree/DEBIAN"
  libraries=$(library_packages "$tree"/usr/bin/*)
  cat >"$tree/DEBIAN/control" <<END
Package: $package_name
Version: $package_version
Architecture: $(debian_architecture)
Maintainer: $package_maintainer
Installed-Size: $(du -k -s --exclude DEBIAN "$tree" | cut -f 1)
Depends: $libraries, $package_depends
Recommends: gnome-keyring, xdg-utils
Section: net
Priority: optional
Description: local proxy in the tray, answered by your own Mammouth AI accounts
 Mammouth Proxy speaks the APIs of OpenAI, Anthropic and Ollama to programs on
 this computer and answers from your own Mammouth AI accounts. When one is
 limited, the next one takes over.
 .
 It is unofficial: Mammouth AI neither makes nor supports it.
END
  (cd "$tree" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
  dpkg-deb --root-owner-group "${@:3}" --build "$tree" "$file" >/dev/null
  rm -rf "$tree/DEBIAN"
  echo "$file"
}

# make_rpm TREE FOLDER [OPTION...]: OPTION is one of rpmbuild. Prints the file.
make_rpm() {
  local work
  work=$(mktemp -d)
  rpmbuild -bb --quiet --target "$package_processor-linux" --define "_topdir $work" --define "tree $1" --define "package_version $package_version" \
    --define "packager $package_maintainer" --define "changelog_date $(package_date '+%a %b %d %Y')" "${@:3}" \
    packaging/linux/mammouth-proxy.spec >/dev/null
  mkdir -p "$2"
  find "$work/RPMS" -name '*.rpm' -exec cp {} "$2" \; -printf "$2/%f\n"
  rm -rf "$work"
}

# The licences of all that is compiled in, Rust crates and the packages of the pages alike: third_party_notices FILE [TARGET]
third_party_notices() {
  local folder=$target/tools/about-$about_version package
  if [ ! -x "$folder/bin/cargo-about" ]; then
    note "Building cargo-about $about_version, which takes some minutes"
    CARGO_TARGET_DIR=$target/tools/build cargo install --quiet --locked --root "$folder" --features cli "cargo-about@$about_version"
  fi
  cargo fetch --locked --quiet
  "$folder/bin/cargo-about" generate --offline --locked --config packaging/about.toml \
    --target "${2:-$(rustc -vV | sed -n 's/^host: //p')}" --fail --output-file "$1" packaging/about.hbs
  for package in svelte @tauri-apps/api @lucide/svelte; do
    printf '\n%s\n%s\n\n' "$(printf '=%.0s' {1..80})" "$package (npm)" >>"$1"
    cat ui/node_modules/"$package"/LICENSE* >>"$1"
  done
}
