#!/bin/sh
# Makes an environment in $1 with $PYTHON (3.11, 3.12 or 3.13) and what the file $2 names. Repeatable.
set -eu
venv=${1:?usage: make-venv.sh FOLDER [REQUIREMENTS]}
requirements=${2:-requirements-dev.txt}
python=${PYTHON:-python3}
top=$(cd "$(dirname "$0")/.." && pwd)
"$python" - <<'PY' || exit 1
import sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit(f"{sys.executable} is Python {sys.version.split()[0]}; the tools need 3.11, 3.12 or 3.13: make PYTHON=python3.12 ...")
try:
    import ensurepip, venv  # noqa: F401
except ImportError:
    sys.exit(f"{sys.executable} cannot make virtual environments: apt-get install python3-venv")
PY
echo "$venv: installing what $requirements names; the first time takes a minute"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$top/$requirements"
