#!/usr/bin/env bash
# Builds static (musl) binaries: dist/openagent-linux-amd64 and dist/openagent-linux-arm64.
#
#   ./build.sh [--arch amd64|arm64|all] [--route rustup|debian]
#
# Route rustup (the default where `rustup target list` knows the target): rustup's own musl targets, with ziglang and
# cargo-zigbuild from PyPI as the linker, so that no cross toolchain is needed.
# Route debian: no rustup targets to be had; Debian's rustc-web and rust-web-src build the standard library too.
set -euo pipefail
cd "$(dirname "$0")"

usage() { sed -n '2,8s/^# \{0,1\}//p' "$0"; }

arch=$(case "$(uname -m)" in x86_64) echo amd64 ;; aarch64 | arm64) echo arm64 ;; *) echo all ;; esac)
route=
while [ $# -gt 0 ]; do
  case "$1" in
    --arch) arch=${2:?--arch needs amd64, arm64 or all}; shift 2 ;;
    --route) route=${2:?--route needs rustup or debian}; shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) echo "build.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
done

triple() {
  case "$1" in
    amd64) echo x86_64-unknown-linux-musl ;;
    arm64) echo aarch64-unknown-linux-musl ;;
    *) echo "build.sh: --arch takes amd64, arm64 or all, not $1" >&2; exit 2 ;;
  esac
}

have_rustup_target() { command -v rustup >/dev/null && rustup target list --installed 2>/dev/null | grep -qx "$1"; }

build() {
  local target; target=$(triple "$1")
  local chosen=$route
  if [ -z "$chosen" ]; then
    if have_rustup_target "$target" || { command -v rustup >/dev/null && rustup target add "$target" >/dev/null 2>&1; }; then
      chosen=rustup
    else
      chosen=debian
    fi
  fi
  echo "building $target (route $chosen)"
  case "$chosen" in
    rustup) cargo zigbuild --release --locked --target "$target" ;;
    debian)
      # self-contained start files belong to rustup's targets; zig brings its own
      local flags_name; flags_name="CARGO_TARGET_$(echo "$target" | tr 'a-z-' 'A-Z_')_RUSTFLAGS"
      env RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 \
        "$flags_name=-Clink-self-contained=no -Ctarget-feature=+crt-static" \
        cargo zigbuild --release --locked -Zbuild-std=std,panic_unwind --target "$target"
      ;;
    *) echo "build.sh: --route takes rustup or debian, not $chosen" >&2; exit 2 ;;
  esac
  mkdir -p dist
  install -m 0755 "${CARGO_TARGET_DIR:-target}/$target/release/openagent" "dist/openagent-linux-$1"
  ls -l "dist/openagent-linux-$1"
}

case "$arch" in
  all) build amd64; build arm64 ;;
  *) build "$arch" ;;
esac
