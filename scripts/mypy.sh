#!/bin/sh
# Type-checks the plugins under their import names (collections/ is on mypy_path), then the tests.
set -eu
mypy=${1:-mypy}
"$mypy" -p ansible_collections.ck8s.ports.plugins
"$mypy" tests
