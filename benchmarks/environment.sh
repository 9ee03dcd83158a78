#!/bin/sh
# Makes .venvs/bench, where the benchmarks find the `ansible` package (for listen_ports_facts) and psutil.
set -eu
cd "$(dirname "$0")/.."
if [ ! -e .venvs/bench/.made ]; then
    "${PYTHON:-python3}" -m venv .venvs/bench
    .venvs/bench/bin/pip install --quiet ansible psutil
    touch .venvs/bench/.made
fi
