#!/usr/bin/env bash
# Builds the image's target `prebuilt` from dist/ with buildah, looks at what is in it, and runs it as a cluster would:
# uid 1001, a read-only root, no capabilities; a local collection server must get its samples. Needs root.
#
#   scripts/check-image.sh [amd64|arm64]...
set -euo pipefail
cd "$(dirname "$0")/.."

MOST_BYTES=8000000
LICENCE=x41pl22ek7jhv-z43cebasdv4il7-z62p3l35fj5502
CONTENT='app
app/logs
app/openagent
app/scrape_config.yaml
app/whatap.conf
etc
etc/ssl
etc/ssl/certs
etc/ssl/certs/ca-certificates.crt'
fail() { echo "check-image.sh: $1" >&2; exit 1; }

command -v buildah >/dev/null || fail "buildah is missing: apt-get install buildah"
case "$(uname -m)" in x86_64) own=amd64 ;; aarch64) own=arm64 ;; *) own= ;; esac
work=$(mktemp -d)
children=()
image_tool() { buildah --storage-driver vfs --root "$work/storage" --runroot "$work/run" "$@"; }
clean() {
  for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
  image_tool rm --all >/dev/null 2>&1 || true
  image_tool rmi --all --force >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean EXIT

check_config() { # check_config IMAGE ARCH
  image_tool inspect --type image "$1" >"$work/inspect"
  python3 - "$work/inspect" "$2" <<'PYTHON'
import json, sys
image = json.load(open(sys.argv[1]))["OCIv1"]
config = image["config"]
found = {
    "architecture": image["architecture"], "user": config.get("User"), "entry point": config.get("Entrypoint"),
    "command": config.get("Cmd"), "folder": config.get("WorkingDir"), "WHATAP_HOME": "WHATAP_HOME=/app" in config.get("Env", []),
}
wanted = {
    "architecture": sys.argv[2], "user": "1001:1001", "entry point": ["/app/openagent"], "command": ["foreground"],
    "folder": "/app", "WHATAP_HOME": True,
}
if found != wanted:
    sys.exit(f"check-image.sh: the image's configuration is {found}, not {wanted}")
PYTHON
}

check_content() { # check_content ROOT ARCH
  local found size
  found=$(cd "$1" && find . -mindepth 1 -printf '%P\n' | LC_ALL=C sort)
  [ "$found" = "$CONTENT" ] || fail "the image holds something else than it should: $(diff <(echo "$CONTENT") <(echo "$found"))"
  size=$(find "$1" -type f -printf '%s\n' | awk '{sum += $1} END {print sum}')
  echo "image of $2: $size bytes in"
  echo "  ${found//$'\n'/$'\n'  }"
  [ "$size" -le $MOST_BYTES ] || fail "the image has $size bytes, more than $MOST_BYTES"
  cmp "dist/openagent-linux-$2" "$1/app/openagent"
  [ "$(stat -c %u:%g "$1/app/whatap.conf" "$1/app/logs" | sort -u)" = 1001:1001 ] || fail "/app is not the agent's own"
}

# Becomes the image's program in its root, made read-only but for /app/logs, as uid 1001 without capabilities. Called in
# a subshell, so that a signal to that reaches the program.
in_image() { # in_image ROOT ARGUMENT...
  # shellcheck disable=SC2016 # the inner shell's own arguments
  exec unshare --mount sh -euc '
    root=$1; shift
    mount --bind "$root" "$root"
    mount --bind "$1" "$root/app/scrape_config.yaml"; shift
    mount -o remount,bind,ro "$root"
    mount -t tmpfs -o mode=0700,uid=1001,gid=1001 tmpfs "$root/app/logs"
    if (: >"$root/app/x") 2>/dev/null; then echo "the root is not read-only" >&2; exit 1; fi
    cd "$root"
    # changing to uid 1001 takes every capability away, and nothing gives one back
    exec setpriv --no-new-privs chroot --userspec=1001:1001 --groups= . /app/openagent "$@"
  ' sh "$1" "$work/scrape.yaml" "${@:2}"
}

wait_for() { # wait_for PATTERN FILE WHAT
  local deadline=$((SECONDS + 60))
  until grep -qs -- "$1" "$2"; do
    [ $SECONDS -lt $deadline ] || fail "$3 did not come within 60 s: $(tail -n 5 "$work"/*.log)"
    sleep 0.1
  done
}

check_run() { # check_run ROOT
  printf 'scrape_configs:\n  - {job_name: image, scrape_interval: 1s, static_config: {targets: ["127.0.0.1:9"]}}\n' \
    >"$work/scrape.yaml"
  chmod 0644 "$work/scrape.yaml"
  (in_image "$1" version)
  "$1/app/openagent" collector --listen 127.0.0.1:0 --license $LICENCE >"$work/records.log" 2>"$work/collector.log" &
  children+=($!)
  wait_for 'listening on ' "$work/collector.log" "the collector's address"
  local port agent status=0
  port=$(sed -n 's/.*listening on [^ ]*:\([0-9]*\).*/\1/p' "$work/collector.log" | head -n 1)
  export WHATAP_HOME=/app WHATAP_LICENSE=$LICENCE WHATAP_HOST=127.0.0.1 WHATAP_PORT=$port status_listen=127.0.0.1:0
  (in_image "$1" foreground) >"$work/agent.log" 2>&1 &
  agent=$!
  children+=("$agent")
  wait_for '"up"' "$work/records.log" "a sample of the image's agent"
  kill -TERM "$agent"
  wait "$agent" || status=$?
  [ $status = 0 ] || fail "the agent ended with status $status: $(tail -n 5 "$work/agent.log")"
  echo "it runs as uid 1001 on a read-only root; the collection server got its samples"
}

[ $# -gt 0 ] || set -- amd64 arm64
for arch in "$@"; do
  [ -x "dist/openagent-linux-$arch" ] || fail "dist/openagent-linux-$arch is missing; make it with ./build.sh --arch $arch"
  [ -d dist/rootfs ] || scripts/rootfs.sh
  image_tool build --isolation chroot --platform "linux/$arch" --target prebuilt --tag "openagent:$arch" . \
    >"$work/build.log" 2>&1 || fail "the image of $arch cannot be built: $(tail -n 20 "$work/build.log")"
  check_config "openagent:$arch" "$arch"
  container=$(image_tool from --pull-never "openagent:$arch")
  root=$(image_tool mount "$container")
  check_content "$root" "$arch"
  if [ "$arch" = "$own" ]; then check_run "$root"; fi
done
