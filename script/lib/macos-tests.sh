# shellcheck shell=bash
# What script/test-systems tests of macOS: that the headless program for processors by Apple can be linked. Zig brings the C
# compiler, the linker and the C library. The frameworks are stand-ins that export the names listed in script/lib/macos,
# which shows that the program needs no others, and nothing about its running.

macos_target=aarch64-apple-darwin
macos_sdk=$target/macos/sdk
macos_tools=$target/tools/zig

install_macos_tools() {
  local lock=script/lib/zig-requirements.txt
  rustup target add "$macos_target" 2>/dev/null
  cmp -s "$lock" "$macos_tools/installed.txt" && return
  rm -rf "$macos_tools"
  python3 -m venv "$macos_tools"
  "$macos_tools/bin/pip" install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r "$lock"
  cp "$lock" "$macos_tools/installed.txt"
}

# One file for each framework, in the form of the linker's own text files.
make_macos_frameworks() {
  local list name folder
  mkdir -p "$macos_sdk/usr/lib"
  for list in script/lib/macos/*; do
    name=$(basename "$list")
    folder=$macos_sdk/System/Library/Frameworks/$name.framework
    mkdir -p "$folder"
    cat >"$folder/$name.tbd" <<END
--- !tapi-tbd
tbd-version: 4
targets: [ arm64-macos ]
install-name: '/System/Library/Frameworks/$name.framework/Versions/A/$name'
exports:
  - targets: [ arm64-macos ]
    symbols: [ $(paste -sd , "$list") ]
...
END
  done
}

link_macos() {
  make_macos_frameworks
  PATH=$macos_tools/bin:$PATH SDKROOT=$macos_sdk \
    cargo zigbuild --locked -p mammouth-cli --bin mammouth-proxy --target "$macos_target"
  file "$target/$macos_target/debug/mammouth-proxy" | grep 'Mach-O 64-bit arm64 executable'
}

test_macos() {
  part "macOS: packages" install_packages "${packages_macos[@]}"
  part "macOS: compiler and linker" install_macos_tools
  [ "$failed" -eq 0 ] || return 0
  part "macOS: the headless program is linked" link_macos
}
