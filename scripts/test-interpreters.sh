#!/bin/sh
# Runs the unit tests of what runs on the node under every Python from 3.8 on that is found here: on PATH, pyenv's, and
# those named in CK8S_PYTHONS (separated by spaces). Each gets an environment of its own under .venvs/.
set -eu
cd "$(dirname "$0")/.."
seen=' '
for python in ${CK8S_PYTHONS-} python3 python3.8 python3.9 python3.10 python3.11 python3.12 python3.13 python3.14 \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python; do
    version=$("$python" -c 'import sys, ensurepip; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    case "$version $seen" in
    2.* | 3.[0-7]\ * | *" $version "*) continue ;;
    esac
    seen="$seen$version "
    environment=.venvs/node-$version
    [ -x "$environment/bin/pytest" ] || {
        "$python" -m venv "$environment"
        "$environment/bin/python" -m pip install --quiet --disable-pip-version-check pytest hypothesis PyYAML
    }
    echo "Python $version"
    "$environment/bin/pytest" -q -p no:cacheprovider tests/unit/sockets tests/unit/firewall tests/unit/node_facts
done
[ "$seen" != ' ' ] || {
    echo "$0: no Python from 3.8 on with ensurepip was found: install one, or name it in CK8S_PYTHONS" >&2
    exit 1
}
