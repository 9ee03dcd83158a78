#!/bin/sh
# Makes .venvs/core-CORE with that minor release of ansible-core and what the tests import, unless it is there, and prints
# the folder. Each release gets the first Python of its row that is found here, so that all of them together run on every
# Python that a controller may have.
#
# usage: core-venv.sh CORE      (2.19)
# exit status: 0 printed, 1 it could not be made, 2 bad usage, 4 none of its interpreters is here
set -eu
cd "$(dirname "$0")/.."
core=${1:?usage: core-venv.sh CORE}
case $core in
2.17) pythons='3.11 3.12' ;;
2.18) pythons='3.12 3.11 3.13' ;;
2.19) pythons='3.13 3.11 3.12' ;;
2.20) pythons='3.12 3.13' ;;
2.21) pythons='3.13 3.12' ;;
*)
    echo "$0: ansible-core $core is not in its table: give 2.17 to 2.21, or add a row for it there" >&2
    exit 2
    ;;
esac
environment=.venvs/core-$core
if [ ! -e "$environment/.made" ] || [ -n "$(find requirements-test.txt -newer "$environment/.made")" ]; then
    for version in $pythons; do
        python=$(scripts/find-python.sh "$version") && break
    done
    if [ -z "${python-}" ]; then
        echo "ansible-core $core needs one of Python $pythons: install one, or name it in CK8S_PYTHONS" >&2
        exit 4
    fi
    rm -rf "$environment" # made by another Python it could not be mended
    "$python" -m venv "$environment"
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
        "ansible-core~=$core.0" -r requirements.txt -r requirements-test.txt >&2
    touch "$environment/.made"
fi
echo "$environment"
