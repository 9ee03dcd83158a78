#!/bin/sh
# galaxy-importer on the tarball, as Galaxy runs it on an upload. A warning is a failure.
#
# usage: galaxy-importer.sh ENVIRONMENT TARBALL
set -eu
cd "$(dirname "$0")/.."
environment=${1:?usage: galaxy-importer.sh ENVIRONMENT TARBALL}
tarball=$(realpath "${2:?usage: galaxy-importer.sh ENVIRONMENT TARBALL}")
log=$PWD/build/galaxy-importer.log
export GALAXY_IMPORTER_CONFIG="$PWD/.config/galaxy-importer.cfg" PATH="$PWD/$environment/bin:$PATH"
python=$PWD/$environment/bin/python
cd build # where it writes importer_result.json
# Only our own tree is looked at, so the links of the checkout are not on its path.
unset ANSIBLE_COLLECTIONS_PATH
if ! "$python" -m galaxy_importer.main "$tarball" >"$log" 2>&1 || grep -qE '^(WARNING|ERROR|CRITICAL)' "$log"; then
    grep -E '^(WARNING|ERROR|CRITICAL)' "$log" || tail -n 20 "$log"
    echo "all of it is in $log" >&2
    exit 1
fi
echo "galaxy-importer: $(tail -n 1 "$log")"
