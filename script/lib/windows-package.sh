# shellcheck shell=bash
# The Windows installer and the .zip: one folder of files, packed by NSIS and zip.

package_version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

# stage_windows FOLDER PROGRAMS [NOTICES]: all files of an installation, from the folder of the built programs.
stage_windows() {
  local folder=$1 programs=$2
  rm -rf "$folder"
  mkdir -p "$folder"
  cp "$programs/mammouth-proxy-desktop.exe" "$programs/mammouth-proxy.exe" "$folder"
  # Programs of MinGW load it at run time; those of MSVC hold it.
  if [ -e "$programs/WebView2Loader.dll" ]; then cp "$programs/WebView2Loader.dll" "$folder"; fi
  cp LICENSE "$folder/LICENSE.txt"
  if [ $# -gt 2 ]; then cp "$3" "$folder/THIRD-PARTY-NOTICES.txt"; fi
  if [ -n "${WINDOWS_SIGN_COMMAND:-}" ]; then
    $WINDOWS_SIGN_COMMAND "$folder/mammouth-proxy-desktop.exe"
    $WINDOWS_SIGN_COMMAND "$folder/mammouth-proxy.exe"
  fi
}

# make_installer FOLDER FILE [OPTION...]: packs the staged folder. The options go to makensis.
make_installer() {
  local folder=$1 file=$2 identifier options=()
  identifier=$(sed -n 's/^  "identifier": "\(.*\)",/\1/p' tauri.conf.json)
  [ -n "$identifier" ] || fail "tauri.conf.json names no identifier"
  if [ -n "${WINDOWS_SIGN_COMMAND:-}" ]; then options=("-DSIGN=$WINDOWS_SIGN_COMMAND"); fi
  mkdir -p "$(dirname "$file")"
  makensis -V2 -WX "-DVERSION=$package_version" "-DIDENTIFIER=$identifier" "-DFILES=$folder" "-DOUT=$file" \
    ${options[@]+"${options[@]}"} "${@:3}" packaging/windows/installer.nsi
}

# make_zip FOLDER FILE: the same files for those who want no installer.
make_zip() {
  rm -f "$2"
  (cd "$1" && zip -q -X -9 "$2" ./*)
}
