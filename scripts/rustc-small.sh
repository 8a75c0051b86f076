#!/bin/sh
# The compiler as build.sh calls it for this package and for the last step over the whole program, in place of rustc:
# RUSTC_WORKSPACE_WRAPPER=scripts/rustc-small.sh. With it cargo bench measures what build.sh builds.
#
# A function is copied into its callers only where it is small, one marked #[inline] where it is of middling size; by
# default both bounds lie far higher. That is half a megabyte of commands, pages and configuration; what a sample goes
# through is marked, or has been optimised in its own crate before.
exec "$@" -Cllvm-args=-inline-threshold=25 -Cllvm-args=-inlinehint-threshold=150
