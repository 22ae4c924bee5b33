# shellcheck shell=bash
fuzz_parts() { :; }
