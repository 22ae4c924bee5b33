# shellcheck shell=bash
# What script/test-systems tests of Linux on ARM64: a cross build of both programs against the libraries of Debian for that
# processor, run by qemu-user, and their packages.

aarch64_target=aarch64-unknown-linux-gnu
aarch64_programs=$target/$aarch64_target/debug
aarch64_sysroot=$target/aarch64/sysroot
aarch64_run=(qemu-aarch64 -L "$aarch64_sysroot")

# Packages that are unpacked and not configured, so that nothing of them is run and this machine stays as it is.
make_aarch64_sysroot() {
  local link
  [ ! -e "$aarch64_sysroot/shlibs" ] || return 0
  rm -rf "$aarch64_sysroot"
  mkdir -p "$(dirname "$aarch64_sysroot")"
  # shellcheck disable=SC2016 # mmdebstrap's shell sets $1
  mmdebstrap --quiet --variant=extract --arch=arm64 \
    --include=ca-certificates,libayatana-appindicator3-1,libc6-dev,libwebkit2gtk-4.1-dev \
    --extract-hook='for file in "$1"/var/cache/apt/archives/*.deb; do dpkg-deb --info "$file" shlibs 2>/dev/null || true; done >"$1/shlibs.new"' \
    "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$aarch64_sysroot"
  # A link from the root would lead out of the folder.
  find "$aarch64_sysroot"/{lib,usr/lib}/ -lname '/*' | while read -r link; do
    ln -sfr "$aarch64_sysroot$(readlink "$link")" "$link"
  done
  mv "$aarch64_sysroot/shlibs.new" "$aarch64_sysroot/shlibs"
}

build_aarch64() {
  rustup target add "$aarch64_target" 2>/dev/null
  PKG_CONFIG_ALLOW_CROSS=1 PKG_CONFIG_SYSROOT_DIR=$aarch64_sysroot \
    PKG_CONFIG_LIBDIR=$aarch64_sysroot/usr/lib/aarch64-linux-gnu/pkgconfig:$aarch64_sysroot/usr/share/pkgconfig \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C link-arg=--sysroot=$aarch64_sysroot" \
    CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc CFLAGS_aarch64_unknown_linux_gnu=--sysroot=$aarch64_sysroot \
    cargo build --locked --workspace --bins --target "$aarch64_target"
}

test_aarch64_program() {
  file "$aarch64_programs/mammouth-proxy" | grep -q 'ARM aarch64'
  local folder
  folder=$(mktemp -d)
  serve_and_ask "$folder" "${aarch64_run[@]}" "$aarch64_programs/mammouth-proxy"
  rm -rf "$folder"
}

# The packages hold the programs for ARM64, lintian and rpmlint have nothing against them, and what is unpacked runs.
test_aarch64_packages() {
  source script/lib/linux-package.sh
  source script/lib/headless-package.sh
  source script/lib/portable.sh
  local package_processor=aarch64 package_runner=("${aarch64_run[@]}") package_sysroot=$aarch64_sysroot
  local work deb headless rpm portable
  work=$(mktemp -d)
  stage_files "$work/tree" "$aarch64_programs/mammouth-proxy-desktop" "$aarch64_programs/mammouth-proxy"
  stage_headless "$work/headless" "$aarch64_programs/mammouth-proxy"
  portable=$(make_portable "$work/tree" "$work" aarch64)
  deb=$(make_deb "$work/tree" "$work" -Zgzip -z1)
  headless=$(make_headless_deb "$work/headless" "$work" -Zgzip -z1)
  rpm=$(make_rpm "$work/tree" "$work" --define "payload w1.gzdio")
  [ "$(dpkg-deb --field "$deb" Architecture)" = arm64 ]
  dpkg-deb --field "$deb" Depends | grep -E '(^|, )libwebkit2gtk-4.1-0 \(>= [0-9.]+\)'
  dpkg-deb --field "$headless" Depends | grep -E '(^|, )libc6 \(>= [0-9.]+\)'
  [ "$(rpm --query --queryformat '%{ARCH}' --package "$rpm")" = aarch64 ]
  rpm --query --requires --package "$rpm" | grep -F 'libwebkit2gtk-4.1.so.0()(64bit)'
  script/package-lint "$deb" "$headless" "$rpm"
  dpkg-deb --extract "$headless" "$work/from-headless"
  "${aarch64_run[@]}" "$work/from-headless/usr/bin/mammouth-proxy" --version
  mkdir "$work/from-portable"
  zstd -dcq "$portable" | tar -x -C "$work/from-portable" --strip-components=1
  "${aarch64_run[@]}" "$work/from-portable/bin/mammouth-proxy-desktop" --version
  dpkg-deb --extract "$deb" "$work/from-deb"
  run_aarch64_desktop "$work/from-deb/usr/bin" "$work"
  rm -rf "$work"
}

# run_aarch64_desktop PROGRAMS FOLDER: with its tray icon and without its window, for which WebKit starts programs of its
# own that this machine cannot run.
run_aarch64_desktop() (
  mkdir "$2/data"
  export HOME=$2/data XDG_RUNTIME_DIR=$2/data
  unset DBUS_SESSION_BUS_ADDRESS WAYLAND_DISPLAY
  mkfifo "$2/number"
  Xvfb -displayfd 3 -screen 0 800x600x24 -nolisten tcp 3>"$2/number" 2>/dev/null &
  server_of_display=$!
  trap 'kill "$server_of_display"' EXIT
  read -r number <"$2/number"
  export DISPLAY=:$number
  command=("${aarch64_run[@]}" "$1/mammouth-proxy")
  server=("${aarch64_run[@]}" "$1/mammouth-proxy-desktop" --hidden)
  start_and_ask "$2/data"
)

test_aarch64() {
  part "ARM64: packages" install_packages "${packages_aarch64[@]}"
  part "ARM64: libraries" make_aarch64_sysroot
  [ "$failed" -eq 0 ] || return 0
  part "ARM64: build" build_aarch64
  [ "$failed" -eq 0 ] || return 0
  part "ARM64: the program under qemu" test_aarch64_program
  part "ARM64: its packages" test_aarch64_packages
}
