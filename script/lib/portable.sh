# shellcheck shell=bash
# The archive for Linux without a package manager, and archives that come out the same each time.

# pack_folder PARENT NAME FILE: NAME in PARENT as a .tar.zst without anything of this machine: no times, no owners.
pack_folder() {
  tar --create --directory "$1" --sort=name --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw,a-s \
    --mtime="@$(source_date)" --format=gnu "$2" | zstd --quiet --force -19 -T0 -o "$3"
}

# The time of the last commit, unless SOURCE_DATE_EPOCH says another.
source_date() { echo "${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}"; }

# make_portable TREE FOLDER ARCHITECTURE: TREE is laid out by stage_files. Prints the file.
make_portable() {
  local name=$package_name-$package_version work file script
  work=$(mktemp -d)
  mkdir -p "$work/$name" "$2"
  cp -r "$1/usr/bin" "$1/usr/share" "$work/$name"
  rm -f "$work/$name/share/doc/$package_name/changelog.gz"
  cp LICENSE "$work/$name"
  for script in install uninstall; do
    sed "s/@id@/$application_id/g" "packaging/portable/$script" >"$work/$name/$script"
    chmod 755 "$work/$name/$script"
  done
  file=$2/$name-linux-$3.tar.zst
  pack_folder "$work" "$name" "$file"
  rm -rf "$work"
  echo "$file"
}
