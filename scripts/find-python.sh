#!/bin/sh
# Prints the interpreter of the given version: one of CK8S_PYTHONS (separated by spaces), of PATH, or of pyenv.
#
# usage: find-python.sh VERSION      (3.12)
# exit status: 0 found and printed, 1 not here, 2 bad usage
set -eu
version=${1:?usage: find-python.sh VERSION}
for python in ${CK8S_PYTHONS-} "python$version" python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version"*/bin/python; do
    # The answer of the interpreter itself, since a name on PATH may be pyenv's stand-in for another.
    "$python" -c 'import sys, ensurepip
if "%d.%d" % sys.version_info[:2] != sys.argv[1]:
    sys.exit(1)
print(sys.executable)' "$version" 2>/dev/null && exit
done
exit 1
