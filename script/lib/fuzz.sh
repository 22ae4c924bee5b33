# shellcheck shell=bash
# Coverage-guided fuzzing with libFuzzer, on the stable toolchain: what cargo-fuzz would ask of the compiler is asked
# here directly, without the sanitizers that need a nightly one and find little in code without `unsafe`.

fuzz_seconds=${FUZZ_SECONDS:-60}
fuzz_folder=$target/fuzz
fuzz_host=$(rustc -vV | sed -n 's/^host: //p')
fuzz_flags=(
  --cfg fuzzing
  -Cpasses=sancov-module
  -Cllvm-args=-sanitizer-coverage-level=4
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
  -Cllvm-args=-sanitizer-coverage-pc-table
  -Cllvm-args=-sanitizer-coverage-trace-compares
)

# The same versions of the dependencies as in the program itself. `--target` keeps the flags away from build scripts.
build_fuzz_targets() {
  local source
  # So that no program of an earlier build is run where this build fails.
  for source in fuzz/targets/*.rs; do
    rm -f "$fuzz_folder/$fuzz_host/debug/$(basename "$source" .rs)"
  done
  cp Cargo.lock fuzz/Cargo.lock
  RUSTFLAGS="${fuzz_flags[*]}" CARGO_TARGET_DIR=$fuzz_folder \
    cargo build --manifest-path fuzz/Cargo.toml --target "$fuzz_host" --bins
}

# All targets at once, each for the same bounded time. What was found before is kept beside the builds.
run_fuzz_targets() {
  local name ok=1 source
  local -A running=()
  for source in fuzz/targets/*.rs; do
    name=$(basename "$source" .rs)
    if ! [ -x "$fuzz_folder/$fuzz_host/debug/$name" ]; then
      ok=0
      note "$name: not run, as it was not built"
      continue
    fi
    mkdir -p "$fuzz_folder/corpus/$name"
    "$fuzz_folder/$fuzz_host/debug/$name" -max_total_time="$fuzz_seconds" -timeout=10 -print_final_stats=1 \
      -artifact_prefix="$fuzz_folder/$name-" "$fuzz_folder/corpus/$name" "fuzz/seeds/$name" \
      >"$fuzz_folder/$name.txt" 2>&1 &
    running[$name]=$!
  done
  for name in "${!running[@]}"; do
    if wait "${running[$name]}"; then
      note "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$fuzz_folder/$name.txt") inputs, none was bad"
    else
      ok=0
      note "$name: found a bad input, which is kept in $fuzz_folder"
      tail -n 40 "$fuzz_folder/$name.txt"
    fi
  done
  [ "$ok" = 1 ]
}
