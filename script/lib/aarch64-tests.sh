# shellcheck shell=bash
# What script/test-systems tests of Linux on ARM64: a cross build, run by qemu-user, and its package.

aarch64_target=aarch64-unknown-linux-gnu
aarch64_program=$target/$aarch64_target/debug/mammouth-proxy
aarch64_run=(qemu-aarch64 -L /usr/aarch64-linux-gnu)

build_aarch64() {
  rustup target add "$aarch64_target" 2>/dev/null
  CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
    CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc \
    cargo build --locked -p mammouth-cli --bin mammouth-proxy --target "$aarch64_target"
}

test_aarch64_program() {
  file "$aarch64_program" | grep -q 'ARM aarch64'
  local folder
  folder=$(mktemp -d)
  serve_and_ask "$folder" "${aarch64_run[@]}" "$aarch64_program"
  rm -rf "$folder"
}

# The package holds the program for ARM64, and lintian has nothing against it.
test_aarch64_package() {
  source script/lib/linux-package.sh
  source script/lib/headless-package.sh
  local work deb
  work=$(mktemp -d)
  stage_headless "$work/tree" "$aarch64_program" "${aarch64_run[@]}"
  deb=$(make_headless_deb "$work/tree" "$work" arm64 -Zgzip -z1)
  dpkg-deb --field "$deb" Architecture Depends
  dpkg-deb --field "$deb" Depends | grep -qE '^libc6 \(>= [0-9.]+\)'
  lintian --fail-on error --suppress-tags bad-distribution-in-changes-file "$deb"
  dpkg-deb --extract "$deb" "$work/installed"
  "${aarch64_run[@]}" "$work/installed/usr/bin/mammouth-proxy" --version
  rm -rf "$work"
}

test_aarch64() {
  part "ARM64: packages" install_packages "${packages_aarch64[@]}"
  part "ARM64: build" build_aarch64
  [ "$failed" -eq 0 ] || return 0
  part "ARM64: the program under qemu" test_aarch64_program
  part "ARM64: its package" test_aarch64_package
}
