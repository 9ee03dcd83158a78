#!/bin/sh
# ansible-test sanity on what the tarball holds, under the oldest and the newest supported ansible-core, with the
# interpreters that are here and without a container engine.
#
# usage: sanity.sh [CORE...]      (2.17 2.21)
set -eu
cd "$(dirname "$0")/.."
top=$PWD

# ansible-test wants a real copy under ansible_collections/: it does not follow links.
copy=$top/build/sanity/ansible_collections/ck8s/ports
rm -rf "$copy"
mkdir -p "$copy"
scripts/build.sh build/sanity
tar -xzf build/sanity/ck8s-ports-*.tar.gz -C "$copy"
mkdir -p "$copy/tests"
cp -R tests/sanity "$copy/tests/"
git init --quiet "$copy" # otherwise it asks the checkout around it, which ignores build/

# A HOME of its own, because ansible-test takes pip from a file in ~/.ansible that it would download. The interpreters
# have pip with them, so that the network is not needed for it.
export XDG_CONFIG_HOME="${XDG_CONFIG_HOME:-$HOME/.config}" PYENV_ROOT="${PYENV_ROOT:-$HOME/.pyenv}"
export HOME="$top/build/sanity/home"
mkdir -p "$HOME/.ansible/test/cache"
for pip in 23_1_2 24_0 24_2 25_2; do
    echo 'import ensurepip; ensurepip.bootstrap()' >"$HOME/.ansible/test/cache/get_pip_$pip.py"
done
# pyenv's stand-ins exist for every version that it has heard of, and fail for most: the interpreters themselves instead.
PATH=$(echo "$PATH" | tr : '\n' | grep -v '/shims$' | paste -sd :)
for version in 3.8 3.9 3.10 3.11 3.12 3.13 3.14; do
    if python=$(scripts/find-python.sh "$version"); then
        PATH=$PATH:$(dirname "$python")
    fi
done
export PATH LC_ALL=C.UTF-8

[ $# -gt 0 ] || set -- 2.17 2.21
for core; do
    environment=$(scripts/core-venv.sh "$core") || {
        [ $? -eq 4 ] || exit 1
        scripts/skip.sh "sanity of ansible-core $core" "no Python that it runs on was found (set CK8S_PYTHONS)"
        continue
    }
    log=$top/build/sanity/$core.log
    if ! (cd "$copy" && PATH=$top/$environment/bin:$PATH ansible-test sanity --local --color no >"$log" 2>&1) ||
        ! grep -q '^Running sanity test' "$log"; then
        grep -E '^(ERROR|FATAL|WARNING)' "$log"
        echo "all of it is in $log" >&2
        exit 1
    fi
    echo "sanity of ansible-core $core: $(grep -c '^Running sanity test' "$log") tests passed"
    grep '^WARNING: Skipping' "$log" || true
done
