#!/usr/bin/env bash
# Builds static (musl) binaries: dist/openagent-linux-amd64 and dist/openagent-linux-arm64, and dist/rootfs, the other
# files of the container image.
#
#   ./build.sh [--arch amd64|arm64|all] [--route rustup|debian]
#
# Either route needs zig as the linker, so that no cross toolchain is needed: pip install ziglang cargo-zigbuild
#   rustup   the default where rustup can add the target: rustup's own musl targets
#   debian   no rustup targets to be had: Debian's rustc-web and rust-web-src build the standard library too
#            (apt-get install rustc-web rust-web-src)
# CARGO_TARGET_DIR says where cargo builds (target).
set -euo pipefail
cd "$(dirname "$0")"

usage() { sed -n '2,11s/^# \{0,1\}//p' "$0"; }
fail() { echo "build.sh: $1" >&2; exit "${2:-1}"; }

arch=$(case "$(uname -m)" in x86_64) echo amd64 ;; aarch64 | arm64) echo arm64 ;; *) echo all ;; esac)
route=
while [ $# -gt 0 ]; do
  case "$1" in
    --arch) arch=${2:-}; shift 2 || fail "--arch takes amd64, arm64 or all" 2 ;;
    --route) route=${2:-}; shift 2 || fail "--route takes rustup or debian" 2 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; fail "unknown option $1" 2 ;;
  esac
done
case "$arch" in
  amd64 | arm64) archs=("$arch") ;;
  all) archs=(amd64 arm64) ;;
  *) fail "--arch takes amd64, arm64 or all, not \"$arch\"" 2 ;;
esac
case "$route" in "" | rustup | debian) ;; *) fail "--route takes rustup or debian, not \"$route\"" 2 ;; esac

triple() { case "$1" in amd64) echo x86_64-unknown-linux-musl ;; arm64) echo aarch64-unknown-linux-musl ;; esac; }

has_rustup_target() {
  command -v rustup >/dev/null || return 1
  rustup target list --installed 2>/dev/null | grep -qx "$1" || rustup target add "$1" >/dev/null 2>&1
}

# Debian's compiler moves with its security updates: it must not be older than Cargo.toml allows.
check_debian_rustc() {
  [ -x /usr/bin/rustc ] || fail "route debian needs /usr/bin/rustc: apt-get install rustc-web rust-web-src"
  local found least
  found=$(/usr/bin/rustc --version | cut -d' ' -f2)
  least=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  echo "rustc $found of Debian"
  [ "$(printf '%s\n%s\n' "$least" "$found" | sort -V | head -n1)" = "$least" ] ||
    fail "rustc $found of Debian is older than $least, which Cargo.toml demands"
}

build() {
  local arch=$1 target chosen=$route
  target=$(triple "$arch")
  if [ -z "$chosen" ]; then
    if has_rustup_target "$target"; then chosen=rustup; else chosen=debian; fi
  fi
  echo "building $target (route $chosen)"
  if [ "$chosen" = rustup ]; then
    cargo zigbuild --release --locked --bin openagent --target "$target"
  else
    check_debian_rustc
    # the self-contained start files belong to rustup's targets; zig brings its own
    local flags
    flags="CARGO_TARGET_$(echo "$target" | tr 'a-z-' 'A-Z_')_RUSTFLAGS"
    env RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 "$flags=-Clink-self-contained=no -Ctarget-feature=+crt-static" \
      cargo zigbuild --release --locked --bin openagent -Zbuild-std=std,panic_unwind --target "$target"
  fi
  install -D -m 0755 "${CARGO_TARGET_DIR:-target}/$target/release/openagent" "dist/openagent-linux-$arch"
  ls -l "dist/openagent-linux-$arch"
}

command -v cargo-zigbuild >/dev/null || fail "cargo-zigbuild is missing: pip install ziglang cargo-zigbuild"
for one in "${archs[@]}"; do build "$one"; done
scripts/rootfs.sh
