#!/bin/sh
# Says that something was not run, and why; `make test-all` repeats all of it at its end.
#
# usage: skip.sh WHAT REASON
set -eu
cd "$(dirname "$0")/.."
mkdir -p build
echo "SKIPPED $1: $2" | tee -a build/skipped.txt
