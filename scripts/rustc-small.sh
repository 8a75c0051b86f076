#!/bin/sh
# The compiler as build.sh calls it for this package and for the last step over the whole program, in place of rustc:
# RUSTC_WORKSPACE_WRAPPER=scripts/rustc-small.sh. With it cargo bench measures what build.sh builds.
#
# A function is copied into its callers only where it is small, one marked #[inline] where it is of middling size; by
# default both bounds lie far higher. That takes half a megabyte of commands, pages and configuration off. Most of what a
# sample goes through is marked: text, relabelling and AES were as fast as without (cargo bench). What is not marked paid:
# OpenMetrics 5 %, protobuf 7 to 14 %, a whole scrape 3 to 8 %, writing records 12 %.
exec "$@" -Cllvm-args=-inline-threshold=25 -Cllvm-args=-inlinehint-threshold=150
