# shellcheck shell=bash
# System packages of Debian and Ubuntu. Each list names only what its part needs.

packages_headless=(gcc libc6-dev)
packages_desktop=(gcc libc6-dev pkg-config libwebkit2gtk-4.1-dev libayatana-appindicator3-1)
packages_bundle=("${packages_desktop[@]}" dpkg-dev rpm)
packages_portable=(zstd)
packages_profile=(valgrind)
packages_apt_repository=(apt-utils dpkg-dev gnupg)
packages_complete_release=("${packages_apt_repository[@]}" minisign zstd)
packages_container_test=(buildah curl docker-compose mmdebstrap qemu-user runc)
packages_service_test=(dpkg-dev iproute2 mmdebstrap procps rpm util-linux)
packages_aarch64=(curl dpkg-dev file gcc-aarch64-linux-gnu libc6-dev-arm64-cross mmdebstrap pkg-config qemu-user rpm xvfb zstd)
packages_arch=(fakeroot libarchive-tools makepkg pacman-package-manager zstd)
packages_wayland=(dbus foot fonts-dejavu-core gir1.2-glib-2.0 python3-gi sway wl-clipboard wtype)
packages_package_windows=(nsis osslsigncode zip)
packages_macos=(file)
packages_manifest_lint=(rubocop)
packages_package_lint=(appstream desktop-file-utils dpkg-dev flatpak-builder lintian rpm rpmlint)
packages_package_test=(curl dpkg-dev mmdebstrap rpm xdotool xvfb)
packages_test=(at-spi2-core chromium faketime g++ iproute2 strace systemd xvfb xdotool dbus gnome-keyring openbox wmctrl x11-utils xclip
  tinyproxy-bin microsocks minisign ruby zstd webkit2gtk-driver python3-gi gir1.2-glib-2.0 fonts-dejavu-core "${packages_apt_repository[@]}")
packages_windows=(binutils-mingw-w64-x86-64 curl g++-mingw-w64-x86-64-posix gcc-mingw-w64-x86-64-posix minisign nsis unzip wine wine64 xdotool xvfb zip)
# Any Python that can make a virtual environment will do, whether or not it came as a package.
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
  packages_macos+=(python3 python3-venv)
  packages_manifest_lint+=(python3 python3-venv)
  packages_test+=(python3 python3-venv)
fi

# Installs those of the named packages that are missing, and asks nothing when none is.
install_packages() {
  local missing=() name
  if ! has dpkg-query; then
    note "This is not Debian or Ubuntu: make sure that you have what these packages hold: $*"
    return
  fi
  for name in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "Installing system packages: ${missing[*]}"
  local root_command=()
  if [ "$(id -u)" -ne 0 ]; then
    has sudo || fail "run as root: apt-get install ${missing[*]}"
    root_command=(sudo)
  fi
  "${root_command[@]}" apt-get -qq update
  "${root_command[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
}
