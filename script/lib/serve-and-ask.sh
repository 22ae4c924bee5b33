# shellcheck shell=bash

# serve_and_ask FOLDER COMMAND...: starts the server of a program, asks it, and ends it.
serve_and_ask() {
  local server=("${@:2}" serve) command=("${@:2}")
  start_and_ask "$1"
}

# start_and_ask FOLDER: starts the array `server`, asks it with the array `command`, and ends it.
start_and_ask() {
  local folder=$1 process address key
  "${server[@]}" --demo --port 0 --data-dir "$folder" >"$folder/stdout" 2>"$folder/stderr" &
  process=$!
  until_true 120 grep -qs '^listening on ' "$folder/stdout" || { cat "$folder/stderr"; return 1; }
  address=$(sed -n 's/^listening on //p' "$folder/stdout" | head -n 1)
  key=$("${command[@]}" --demo --data-dir "$folder" keys list --reveal)
  curl -fsS "$address/v1/chat/completions" -H "Authorization: Bearer $key" -H 'Content-Type: application/json' \
    -d '{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello"}]}' | grep -q '"choices"'
  "${command[@]}" --demo --data-dir "$folder" status
  kill -TERM "$process"
  wait "$process"
}
