#!/usr/bin/env bash
# Runs the tests of the wire and of what writes and reads it for ARM64, under qemu, on a Debian machine of another
# architecture.
#
#   scripts/check-arm64.sh [TEST-FILTER...]
#
# Needs: dpkg --add-architecture arm64 && apt-get update && apt-get install --no-install-recommends \
#   rustc-web libstd-rust-web-dev:arm64 gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static
set -euo pipefail
cd "$(dirname "$0")/.."

for program in /usr/bin/rustc aarch64-linux-gnu-gcc qemu-aarch64-static; do
  command -v "$program" >/dev/null || { echo "check-arm64.sh: $program is missing; see the head of this file" >&2; exit 1; }
done
[ $# -gt 0 ] || set -- wire:: encode:: exposition::
# rustdoc has to be of the same version, whoever asks for it
export RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
# never qemu's -L: it hangs at the first thread once the libraries of arm64 are installed
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="timeout 300 qemu-aarch64-static"
/usr/bin/rustc --version
cargo test --lib --target aarch64-unknown-linux-gnu --target-dir "${CARGO_TARGET_DIR:-target}/arm64" -- "$@"
