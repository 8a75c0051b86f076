#!/usr/bin/env bash
# Installs OpenAgent as a systemd service on this host; run again, it updates the binary and keeps the configuration.
#
#   scripts/install.sh [--binary FILE]
#   scripts/install.sh --uninstall [--purge]
#
#   --binary FILE   the program; otherwise dist/openagent-linux-ARCH, then target/release/openagent
#   --uninstall     takes the service and the program away, leaves configuration, logs and spool
#   --purge         with --uninstall: takes those and the service's user away too
#
# DESTDIR puts everything under another root and touches neither users nor systemd: for packages and tests.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
name=whatap-openagent
home=/opt/whatap/openagent
root=${DESTDIR:-}
folder=$root$home
unit=$root/etc/systemd/system/$name.service

usage() { sed -n '2,12s/^# \{0,1\}//p' "$0"; }
fail() { echo "install.sh: $1" >&2; exit "${2:-1}"; }

binary='' uninstall='' purge=''
while [ $# -gt 0 ]; do
  case "$1" in
    --binary) binary=${2:-}; shift 2 || fail "--binary needs a file" 2 ;;
    --uninstall) uninstall=1; shift ;;
    --purge) purge=1; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; fail "unknown option $1" 2 ;;
  esac
done
[ -z "$purge" ] || [ -n "$uninstall" ] || fail "--purge goes with --uninstall" 2
[ -n "$root" ] || [ "$(id -u)" = 0 ] || fail "this needs root: sudo $0"

# Whether this is the running system, with systemd in charge.
live() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

# Whoever runs the service owns its home; under DESTDIR there is no such user yet.
own() { if [ -z "$root" ]; then chown "$@"; fi }

find_binary() {
  local arch
  case "$(uname -m)" in x86_64) arch=amd64 ;; aarch64 | arm64) arch=arm64 ;; *) arch=$(uname -m) ;; esac
  local file
  for file in "$here/dist/openagent-linux-$arch" "$here/target/release/openagent"; do
    if [ -x "$file" ]; then echo "$file"; return; fi
  done
  fail "no program to install; build one with ./build.sh or cargo build --release, or name it with --binary"
}

# Takes a file over unless there is one already: it may hold the operator's settings.
keep_or_install() { # keep_or_install MODE FROM TO
  if [ ! -e "$3" ]; then
    install -m "$1" "$2" "$3"
    own "$name:$name" "$3"
  fi
}

if [ -n "$uninstall" ]; then
  if live && [ -e "$unit" ]; then systemctl disable --now --quiet "$name"; fi
  rm -f "$unit" "$folder/openagent" "$folder/whatap.conf.example"
  if live; then systemctl daemon-reload; fi
  if [ -n "$purge" ]; then
    rm -rf "$folder"
    if [ -z "$root" ] && getent passwd "$name" >/dev/null; then userdel "$name"; fi
    echo "removed $name and everything of it"
  elif [ -d "$folder" ]; then
    echo "removed $name; $folder keeps its configuration and logs (--purge takes them away)"
  else
    echo "$name is not installed"
  fi
  exit 0
fi

binary=${binary:-$(find_binary)}
if [ ! -f "$binary" ] || [ ! -x "$binary" ]; then fail "$binary is no program"; fi
"$binary" version >/dev/null || fail "$binary does not run on this machine"

if [ -z "$root" ] && ! getent passwd "$name" >/dev/null; then
  useradd --system --user-group --home-dir "$home" --no-create-home --shell /usr/sbin/nologin "$name"
fi
install -d -m 0755 "$root/opt/whatap"
install -d -m 0750 "$folder" "$folder/logs"
# a running program cannot be written over, but its name can be given to another file
install -m 0755 "$binary" "$folder/.openagent.new"
mv -f "$folder/.openagent.new" "$folder/openagent"
install -m 0644 "$here/whatap.conf.example" "$folder/whatap.conf.example"
own "$name:$name" "$folder" "$folder/logs"
# the licence stands in it: nobody else may read it
keep_or_install 0640 "$here/whatap.conf.example" "$folder/whatap.conf"
keep_or_install 0644 "$here/scrape_config.yaml" "$folder/scrape_config.yaml"
install -D -m 0644 "$here/scripts/$name.service" "$unit"

if live; then
  systemctl daemon-reload
  systemctl enable --quiet "$name"
  systemctl try-restart "$name"
fi
echo "installed $("$binary" version) in $folder"
if live && systemctl is-active --quiet "$name"; then exit 0; fi
echo "next: set WHATAP_LICENSE and WHATAP_HOST in $home/whatap.conf, then: systemctl start $name"
