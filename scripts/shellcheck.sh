#!/bin/sh
# Checks every shell script with shellcheck, where that is or can be installed.
set -eu
cd "$(dirname "$0")/.."
if ! missing=$(scripts/install-debian-packages.sh checks 2>&1); then
    scripts/skip.sh shellcheck "$(echo "$missing" | head -n 1) (sudo scripts/install-debian-packages.sh checks)"
    exit 0
fi
git ls-files --cached --others --exclude-standard -z | xargs -0 grep -lE '^#!/(bin/sh|usr/bin/env bash)' | xargs shellcheck
