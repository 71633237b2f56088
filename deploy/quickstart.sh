#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a clean clone to a streamed answer: installs the packages, builds, fetches the demo model, serves it and asks.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: deploy/quickstart.sh [--model PATH] [--port N] [--once]

Installs Debian packages (as root or with sudo), builds build/release/troupe, fetches SmolLM2-135M-Instruct,
serves it on 127.0.0.1, asks it one question and streams the answer. Then it serves until Ctrl-C.

  --model PATH   serve this GGUF file; nothing is downloaded
  --port N       port of the API, 8080 by default; the admin listener takes the next one
  --once         stop after the answer, exit status 0
TEXT
}

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
readonly root
readonly state="$root/.cache/quickstart"
readonly log="$state/server.log"
readonly troupe="$root/build/release/troupe"
model='' port=8080 once=0 server=''

fail() {
  echo "quickstart: $*" >&2
  exit 1
}

while [ $# -gt 0 ]; do
  case "$1" in
    --model) model="${2:?--model needs a path}"; shift 2 ;;
    --port) port="${2:?--port needs a number}"; shift 2 ;;
    --once) once=1; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; fail "unknown option $1" ;;
  esac
done
if ! [[ "$port" =~ ^[0-9]{1,5}$ ]] || [ "$port" -lt 1 ] || [ "$port" -gt 65534 ]; then
  fail "--port $port: a number from 1 to 65534"
fi
[ -z "$model" ] || [ -r "$model" ] || fail "--model $model: no such file, or not readable"

step() { printf '\n[%s/5] %s\n' "$1" "$2"; }

stop_server() {
  if [ -n "$server" ] && kill -0 "$server" 2>/dev/null; then
    kill -TERM "$server"
    wait "$server" || true
  fi
  server=''
}
show_log() {
  if [ -s "$log" ]; then
    echo "quickstart: the last lines of $log:" >&2
    tail -n 20 "$log" >&2
  fi
}
on_exit() {
  local status=$?
  trap - EXIT INT TERM HUP
  local was_serving="$server"
  stop_server
  case "$status" in
    0 | 143) ;;
    130) echo 'quickstart: stopped' ;;
    *) [ -z "$was_serving" ] || show_log ;;
  esac
  exit "$status"
}
trap on_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

mkdir -p "$state"
step 1 'Debian packages'
"$root/deploy/install_packages.sh" --build

step 2 'build (under 10 minutes on 2 cores the first time, seconds after that)'
cd "$root"
cmake --preset release -Wno-dev >"$state/configure.log" 2>&1 ||
  { tail -n 30 "$state/configure.log" >&2; fail 'CMake could not configure the build'; }
NINJA_STATUS='[%f/%t, %es] ' cmake --build --preset release --target troupe

step 3 'demo model'
[ -n "$model" ] || model="$("$root/deploy/fetch_model.sh")"
name="$(basename "$model" .gguf | tr 'A-Z ' 'a-z-')"

step 4 "serve on 127.0.0.1:$port"
: >"$log"
# A session of its own: Ctrl-C reaches this script only, which then ends the server by its pid, once.
setsid "$troupe" serve --model "$model" --served-model-name "$name" --host 127.0.0.1 --port "$port" \
  --admin-port $((port + 1)) --data-dir "$state/data" </dev/null >>"$log" 2>&1 &
server=$!
ready=0
for ((i = 0; i < 600; ++i)); do
  kill -0 "$server" 2>/dev/null || fail 'the server ended before it was ready'
  if curl -fsS -o /dev/null --max-time 2 "http://127.0.0.1:$port/health/ready" 2>/dev/null; then ready=1; break; fi
  sleep 0.1
done
[ "$ready" -eq 1 ] || fail 'the server was not ready within 60 seconds'
# Somebody else's server on that port would have answered too: ours must still be alive.
kill -0 "$server" 2>/dev/null || fail "port $port belongs to another program: choose another --port"
echo "ready; its log: ${log#"$root"/}"

step 5 'one question'
question='What is an actor, in one sentence?'
echo "> $question"
"$troupe" chat --url "http://127.0.0.1:$port" --max-tokens 96 --temperature 0 <<<"$question" ||
  fail 'the question got no answer'

if [ "$once" -eq 1 ]; then
  stop_server
  exit 0
fi
cat <<TEXT

Serving on http://127.0.0.1:$port until Ctrl-C. In another terminal, try

  build/release/troupe chat --url http://127.0.0.1:$port
  build/release/troupe ps --admin 127.0.0.1:$((port + 1))
  curl -N http://127.0.0.1:$port/v1/chat/completions -H 'Content-Type: application/json' \\
    -d '{"model":"$name","stream":true,"messages":[{"role":"user","content":"Hello"}]}'
  build/release/troupe audit verify --data-dir ${state#"$root"/}/data
TEXT
wait "$server" || fail "the server ended by itself with status $?"
