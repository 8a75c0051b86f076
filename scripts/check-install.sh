#!/usr/bin/env bash
# Installs for real, with the user and the owners, into a /etc and an /opt of its own: install.sh must do so, do so again
# without a difference, keep what the operator wrote, and take everything away. Needs root and Linux' unshare.
#
#   scripts/check-install.sh [BINARY]
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" != --inside ]; then
  case "$(uname -m)" in x86_64) own=amd64 ;; aarch64) own=arm64 ;; *) own=$(uname -m) ;; esac
  binary=${1:-dist/openagent-linux-$own}
  [ -x "$binary" ] || { echo "check-install.sh: $binary is no program; make one with ./build.sh" >&2; exit 1; }
  exec unshare --mount "$0" --inside "$binary"
fi

binary=$2
name=whatap-openagent
LICENCE=x41pl22ek7jhv-z43cebasdv4il7-z62p3l35fj5502
home=/opt/whatap/openagent
unit=/etc/systemd/system/$name.service
fail() { echo "check-install.sh: $1" >&2; exit 1; }

# From here on nothing that happens to these folders is seen outside.
etc=$(mktemp -d)
mount -t tmpfs tmpfs "$etc"
cp -a /etc/. "$etc"
mount --move "$etc" /etc
rmdir "$etc"
mount -t tmpfs tmpfs /opt
mount -t tmpfs tmpfs /run # no systemd to talk to
if getent passwd $name >/dev/null; then fail "this machine has a user $name already"; fi

# Every file with its owner, mode and content.
picture() {
  find /opt/whatap "$unit" -printf '%p %u:%g %m\n' | sort
  find /opt/whatap "$unit" -type f -exec sha256sum {} + | sort
  getent passwd $name
}
owner() { # owner PATH OWNER MODE
  [ "$(stat -c '%U:%G %a' "$1")" = "$2 $3" ] || fail "$1 is $(stat -c '%U:%G %a' "$1"), not $2 $3"
}

scripts/install.sh --binary "$binary"
owner $home $name:$name 750
owner $home/logs $name:$name 750
owner $home/whatap.conf $name:$name 640
owner $home/scrape_config.yaml $name:$name 644
owner $home/openagent root:root 755
owner $unit root:root 644
getent passwd $name | grep -q ":$home:/usr/sbin/nologin$" || fail "the user is $(getent passwd $name)"
told=$(setpriv --reuid $name --regid $name --clear-groups env WHATAP_HOME=$home WHATAP_LICENSE=$LICENCE WHATAP_HOST=127.0.0.1 \
  $home/openagent check 2>&1) || fail "the service's user does not get through what was installed: $told"

first=$(picture)
scripts/install.sh --binary "$binary" >/dev/null
[ "$(picture)" = "$first" ] || fail "a second time makes a difference: $(diff <(echo "$first") <(picture))"

echo 'license=mine' >$home/whatap.conf
scripts/install.sh --binary "$binary" >/dev/null
[ "$(cat $home/whatap.conf)" = license=mine ] || fail "installing again took the operator's whatap.conf away"

scripts/install.sh --uninstall
[ ! -e $unit ] && [ ! -e $home/openagent ] || fail "the service or the program is still there"
[ "$(cat $home/whatap.conf)" = license=mine ] || fail "uninstalling took the operator's whatap.conf away"
scripts/install.sh --uninstall --purge
[ ! -e $home ] || fail "--purge left $(find $home)"
if getent passwd $name >/dev/null; then fail "--purge left the user"; fi
scripts/install.sh --uninstall >/dev/null || fail "uninstalling what is not there fails"
echo "installed, installed again, taken away: as it should be"
