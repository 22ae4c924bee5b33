# shellcheck shell=bash
# Windows programs on Linux: the cross build with MinGW, and Wine with a Windows of its own beside the builds.

windows_target=x86_64-pc-windows-gnu
windows_folder=$target/$windows_target/debug
wine=/usr/lib/wine/wine64
export WINEPREFIX=$target/wine WINEARCH=win64 WINEDEBUG=-all WINELOADER=$wine
# No .NET, no Internet Explorer, and no entries in the menu of whoever runs this.
export WINEDLLOVERRIDES="mscoree,mshtml,winemenubuilder.exe="
windows_c=$WINEPREFIX/drive_c
# Where WebView2Loader.dll lies, which tests of the desktop program need too.
WINEPATH=Z:$(tr / '\\' <<<"$windows_folder")
export WINEPATH CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=$wine

# Makes the Windows anew, so that nothing is left of an earlier run.
prepare_wine() {
  local library=$windows_c/windows/system32/bcryptprimitives.dll
  end_wine
  rm -rf "$WINEPREFIX"
  mkdir -p "$WINEPREFIX"
  env -u DISPLAY "$wine" wineboot --init >/dev/null 2>&1
  [ -e "$library" ] ||
    x86_64-w64-mingw32-gcc -shared -O2 -s -o "$library" script/lib/windows/bcryptprimitives.c -ladvapi32
  env -u DISPLAY "$wine" cmd /c ver
}

# Ends what still runs in this Windows, and in no other.
end_wine() {
  [ ! -d "$WINEPREFIX" ] || WINEPREFIX=$WINEPREFIX wineserver --kill 2>/dev/null || true
}

# All at once: chosen one by one, packages get other features of their dependencies, and what they share is compiled again.
build_windows() {
  rustup target add "$windows_target" 2>/dev/null
  cargo build --locked --workspace --bins --lib --tests --target "$windows_target"
}
