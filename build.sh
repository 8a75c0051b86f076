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

# The route that was asked for, or the one that can be gone for every target.
choose_route() { # choose_route TARGET...
  local target missing=
  if [ "$route" != debian ]; then
    for target in "$@"; do has_rustup_target "$target" || missing=$target; done
  fi
  if [ "$route" = rustup ] && [ -n "$missing" ]; then
    fail "rustup cannot add $missing; see what \"rustup target add $missing\" says, or take --route debian"
  fi
  if [ -z "$route" ]; then
    if [ -n "$missing" ]; then route=debian; else route=rustup; fi
  fi
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

# One call for all targets: the last step of each takes one core, so two of them run side by side.
build() { # build TARGET...
  local options=(--release --locked --bin openagent) target
  # panics tell crate and file, not where this machine keeps them
  local flags="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src="
  # the self-contained start files belong to rustup's targets; zig brings its own
  if [ "$route" = debian ]; then flags+=" -Clink-self-contained=no -Ctarget-feature=+crt-static"; fi
  for target in "$@"; do
    options+=(--target "$target")
    local own=
    # nearly every CPU has AES instructions there: the way without them may be the short one (30 KB)
    if [ "$target" = x86_64-unknown-linux-musl ]; then own=' --cfg aes_backend_soft="compact"'; fi
    export "CARGO_TARGET_$(echo "$target" | tr 'a-z-' 'A-Z_')_RUSTFLAGS=$flags$own"
  done
  export RUSTC_WORKSPACE_WRAPPER=$PWD/scripts/rustc-small.sh
  if [ "$route" = rustup ]; then
    cargo zigbuild "${options[@]}"
    return
  fi
  check_debian_rustc
  # without the reader of debug information, for there is none in these binaries; with the small sorts and number texts
  # of the standard library (190 KB): no sample comes through them
  RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 cargo zigbuild "${options[@]}" \
    -Zbuild-std=std,panic_unwind -Zbuild-std-features=panic-unwind,optimize_for_size --config 'profile.release.package.std.opt-level="s"'
}

command -v cargo-zigbuild >/dev/null || fail "cargo-zigbuild is missing: pip install ziglang cargo-zigbuild"
targets=()
for one in "${archs[@]}"; do targets+=("$(triple "$one")"); done
choose_route "${targets[@]}"
echo "building ${targets[*]} (route $route)"
build "${targets[@]}"
for one in "${archs[@]}"; do
  install -D -m 0755 "${CARGO_TARGET_DIR:-target}/$(triple "$one")/release/openagent" "dist/openagent-linux-$one"
  ls -l "dist/openagent-linux-$one"
done
scripts/rootfs.sh
