#!/bin/sh
# Under every supported release of ansible-core, on Python 3.11 to 3.13: the unit tests. Under the oldest and the newest of
# them also some playbooks on the lab.
#
# usage: test-controllers.sh [CORE...]      (2.17 2.21)
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- 2.17 2.18 2.19 2.20 2.21
for core; do
    newest=$core
    [ -n "${oldest-}" ] || oldest=$core
done
for core; do
    environment=$(scripts/core-venv.sh "$core") || {
        [ $? -eq 4 ] || exit 1
        scripts/skip.sh "ansible-core $core" "no Python that it runs on was found (set CK8S_PYTHONS)"
        continue
    }
    "$environment/bin/ansible" --version | sed -n '1p;/python version/p'
    PATH=$PWD/$environment/bin:$PATH
    export PATH
    "$environment/bin/pytest" -q -p no:cacheprovider tests/unit
    case $core in
    "$oldest" | "$newest")
        "$environment/bin/python" -m tests.lab.sandbox -- "$environment/bin/pytest" -q -p no:cacheprovider tests/netns/playbooks \
            -k 'prediction_effect or site_brings_a_documented or looks_at_this_machine or last_line'
        ;;
    esac
done
