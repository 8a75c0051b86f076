#!/usr/bin/env bash
# Looks at the binaries that build.sh left in dist/: static, small, and they run: `version`, and `try` until samples have
# arrived. One of another architecture runs under qemu.
#
#   scripts/check-dist.sh [amd64|arm64]...
set -euo pipefail
cd "$(dirname "$0")/.."

MOST_BYTES=5000000
fail() { echo "check-dist.sh: $1" >&2; exit 1; }

case "$(uname -m)" in x86_64) own=amd64 ;; aarch64) own=arm64 ;; *) own= ;; esac
work=$(mktemp -d)
running=
trap '[ -z "$running" ] || kill "$running" 2>/dev/null || true; rm -rf "$work"' EXIT

# The command that runs a binary of an architecture here.
runner() {
  if [ "$1" = "$own" ]; then return; fi
  case "$1" in arm64) echo qemu-aarch64-static ;; amd64) echo qemu-x86_64-static ;; esac
}

check_file() { # check_file FILE
  local what size
  what=$(file -b "$1")
  case "$what" in *"statically linked"* | *"static-pie linked"*) ;; *) fail "$1 is not static: $what" ;; esac
  case "$what" in *"not stripped"*) fail "$1 is not stripped" ;; esac
  size=$(stat -c %s "$1")
  echo "$1: $size bytes, $what"
  [ "$size" -le $MOST_BYTES ] || fail "$1 has $size bytes, more than $MOST_BYTES"
}

# Runs `try` until a sample of the agent's own has arrived, then ends it as Ctrl-C would.
check_try() { # check_try COMMAND...
  "$@" try --interval 500ms >"$work/out" 2>"$work/err" &
  running=$!
  local deadline=$((SECONDS + 60))
  until grep -q '^openagent_build_info{' "$work/out"; do
    kill -0 "$running" 2>/dev/null || fail "try ended by itself: $(cat "$work/err")"
    [ $SECONDS -lt $deadline ] || fail "try printed no sample within 60 s: $(tail -n 5 "$work/out" "$work/err")"
    sleep 0.1
  done
  kill -INT "$running"
  local status=0
  wait "$running" || status=$?
  running=
  [ $status = 0 ] || fail "try ended with status $status: $(cat "$work/err")"
  tail -n 1 "$work/err"
}

[ $# -gt 0 ] || set -- amd64 arm64
for arch in "$@"; do
  binary=dist/openagent-linux-$arch
  [ -x "$binary" ] || fail "$binary is missing; make it with ./build.sh --arch $arch"
  check_file "$binary"
  command=("./$binary")
  with=$(runner "$arch")
  if [ -n "$with" ]; then
    command -v "$with" >/dev/null || fail "$with is missing: apt-get install qemu-user-static"
    command=("$with" "./$binary")
  fi
  told=$("${command[@]}" version)
  echo "$told"
  case "$told" in *"linux/$arch"*) ;; *) fail "$binary says it is for another platform" ;; esac
  check_try "${command[@]}"
done
