# shellcheck shell=bash
# The parts of a test run: each is named, timed and counted, and a part that fails does not hide the others.

passed=0
failed=0
failed_parts=()
parts_run=0
part_log=$(mktemp)
trap 'rm -f "$part_log"' EXIT

# The beginnings of the names of those parts that shall run; all of them where there is none.
selected_parts=()

# select_parts NAME...
select_parts() { selected_parts=("$@"); }

is_selected() {
  local beginning
  [ ${#selected_parts[@]} -gt 0 ] || return 0
  for beginning in "${selected_parts[@]}"; do
    case $1 in "$beginning"*) return 0 ;; esac
  done
  return 1
}

# part NAME COMMAND...: a command that counts its tests adds their numbers, any other counts as one check.
part() {
  local name=$1 began=$SECONDS ok=1
  shift
  is_selected "$name" || return 0
  parts_run=$((parts_run + 1))
  say "$name"
  # A subshell of its own keeps `set -e` alive inside the command, which a plain condition would switch off.
  set +e
  (set -e; "$@") 2>&1 | tee "$part_log"
  [ "${PIPESTATUS[0]}" -eq 0 ] || ok=0
  set -e
  count "$ok"
  if [ "$ok" = 1 ]; then
    note "ok, $((SECONDS - began)) s"
  else
    failed_parts+=("$name")
    note "FAILED, $((SECONDS - began)) s"
  fi
}

# Adds up the closing lines of the test runners of cargo, pytest, node and Python's unittest.
count() {
  local ok=$1 numbers
  numbers=$(sed 's/\x1b\[[0-9;]*m//g' "$part_log" | awk '
    /^test result:/               { passed += $4; failed += $6; found = 1 }
    /^ℹ pass [0-9]+$/             { passed += $3; found = 1 }
    /^ℹ (fail|cancelled) [0-9]+$/ { failed += $3; found = 1 }
    /^(=+ )?[0-9]+ (passed|failed|error).* in [0-9.]+s/ {
      gsub(/[=,]/, "")
      for (i = 2; i <= NF; i++) {
        if ($i == "passed") passed += $(i - 1)
        if ($i ~ /^(failed|errors?)$/) failed += $(i - 1)
      }
      found = 1
    }
    /^Ran [0-9]+ tests? in /      { ran = $2; passed += $2; found = 1 }
    /^FAILED \(/ && ran {
      gsub(/[(),]/, " ")
      for (i = 2; i <= NF; i++) if ($i ~ /^(failures|errors)=/) { sub(/.*=/, "", $i); passed -= $i; failed += $i }
    }
    END { print passed + 0, failed + 0, found + 0 }')
  local more_passed more_failed found
  read -r more_passed more_failed found <<<"$numbers"
  [ "$found" = 1 ] || more_passed=$ok
  # A part can fail beside its tests, as when it does not compile.
  [ "$ok" = 1 ] || [ "$more_failed" -gt 0 ] || more_failed=1
  passed=$((passed + more_passed))
  failed=$((failed + more_failed))
}

# The closing lines, and the exit code of the whole.
finish() {
  [ "$parts_run" -gt 0 ] || fail "no part begins with: ${selected_parts[*]}"
  say "Done in $((SECONDS / 60)) min $((SECONDS % 60)) s"
  local name
  for name in ${failed_parts[@]+"${failed_parts[@]}"}; do note "failed: $name"; done
  printf '\n%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" -eq 0 ]
}
