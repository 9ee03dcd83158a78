#!/bin/sh
# The unit and netns tests, with the coverage of plugins/ in all processes that run on the controller's Python. Modules
# that Ansible sends to a node are not counted there: the tests that call them directly count. Of the playbooks' tests one
# file is enough: with coverage they take twice as long, and the others find no more code.
#
# usage: coverage.sh BIN      (.venv/bin)
set -eu
cd "$(dirname "$0")/.."
bin=${1:?usage: coverage.sh BIN}
mkdir -p build/coverage
export COVERAGE_FILE="$PWD/build/coverage/data"
"$bin/coverage" erase
"$bin/coverage" run -m pytest tests/unit
"$bin/python" -m tests.lab.sandbox -- "$bin/coverage" run -m pytest tests/netns --ignore=tests/netns/playbooks --ignore=tests/netns/harm
"$bin/python" -m tests.lab.sandbox -- "$bin/coverage" run -m pytest tests/netns/playbooks/test_playbooks.py
"$bin/coverage" combine --quiet
"$bin/coverage" html --quiet --directory build/coverage/html
"$bin/coverage" report
