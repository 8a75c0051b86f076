#!/usr/bin/env bash
# Runs the command lines of README's quick start as they stand there, each until it has shown what it is for.
#
#   scripts/check-quickstart.sh
#
# `cargo test` is run by whoever runs this. An exporter on port 9100 is started where none is: prometheus-node-exporter.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "check-quickstart.sh: $1" >&2; exit 1; }
work=$(mktemp -d)
children=()
clean() {
  for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
  rm -rf "$work"
}
trap clean EXIT

# The lines of the blocks of shell in the section.
lines() {
  awk '/^## /{inside = ($0 == "## Quick start")} /^```/{block = ($0 == "```sh"); next} inside && block' README.md
}

wait_for() { # wait_for SECONDS WHAT PID COMMAND...
  local deadline=$((SECONDS + $1)) what=$2 pid=$3
  shift 3
  until "$@" 2>/dev/null; do
    kill -0 "$pid" 2>/dev/null || fail "$what did not come, the program ended: $(tail -n 20 "$work"/*)"
    [ $SECONDS -lt "$deadline" ] || fail "$what did not come in time: $(tail -n 5 "$work"/*)"
    sleep 0.1
  done
}

listening() { (: </dev/tcp/127.0.0.1/9100); }

# Runs a line that goes on for ever until a sample of the target has arrived, then ends it as Ctrl-C would.
demonstrate() { # demonstrate SAMPLE LINE
  local status=0
  bash -c "exec $2" >"$work/out" 2>"$work/err" &
  local pid=$!
  children+=("$pid")
  wait_for 900 "a sample of $2" "$pid" grep -q "^$1" "$work/out"
  kill -INT "$pid"
  wait "$pid" || status=$?
  [ $status = 0 ] || fail "$2 ended with status $status: $(tail -n 20 "$work/err")"
}

run() { # run LINE
  case "$1" in
    "cargo test") echo "  left to the tests" ;;
    *" -- try --target http://localhost:9100/metrics")
      if ! listening 2>/dev/null; then
        prometheus-node-exporter --web.listen-address=127.0.0.1:9100 >"$work/exporter" 2>&1 &
        children+=($!)
        wait_for 30 "the exporter" $! listening
      fi
      demonstrate node_ "$1"
      ;;
    *" -- try") demonstrate openagent_build_info "$1" ;;
    *) bash -c "$1" >"$work/out" 2>"$work/err" || fail "$1 failed: $(tail -n 20 "$work/err")"
      [ -s "$work/out" ] || fail "$1 printed nothing" ;;
  esac
}

mapfile -t found < <(lines)
[ "${#found[@]}" -ge 4 ] || fail "the quick start has only these lines: ${found[*]}"
for line in "${found[@]}"; do
  echo "$line"
  run "$line"
done
echo "${#found[@]} lines of the quick start work"
