#!/bin/sh
# Runs each fuzz target for a few seconds (FUZZ_SECONDS, 15) from its seeds. Installs nothing: without the nightly
# toolchain or cargo-fuzz it skips, unless OPENAGENT_REQUIRE_ALL=1 makes that a failure.
set -eu
cd "$(dirname "$0")/.."

missing() {
    if [ "${OPENAGENT_REQUIRE_ALL:-}" = 1 ]; then
        echo "fuzz-smoke: $1 is missing and everything is required" >&2
        exit 1
    fi
    echo "fuzz-smoke: skipped, $1 is missing" >&2
    exit 0
}

rustup toolchain list 2>/dev/null | grep -q '^nightly' || missing "the nightly toolchain"
cargo +nightly fuzz --version >/dev/null 2>&1 || missing "cargo-fuzz"

for target in text openmetrics protobuf chunked deflate known; do
    mkdir -p "fuzz/corpus/$target"
    seeds=
    if [ -d "fuzz/seeds/$target" ]; then seeds="fuzz/seeds/$target"; fi
    # shellcheck disable=SC2086 # no seeds are no argument
    cargo +nightly fuzz run --sanitizer none "$target" "fuzz/corpus/$target" $seeds -- \
        -max_total_time="${FUZZ_SECONDS:-15}" -max_len=8192 -dict=fuzz/exposition.dict -print_final_stats=1 \
        -timeout=10 -rss_limit_mb=1024
done
