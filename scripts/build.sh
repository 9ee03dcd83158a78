#!/bin/sh
# Builds the tarball of what git knows (committed or not), so that nothing else that lies about gets into it.
#
# usage: build.sh FOLDER
set -eu
cd "$(dirname "$0")/.."
mkdir -p "${1:?usage: build.sh FOLDER}"
output=$(cd "$1" && pwd)
source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT
git ls-files --cached --others --exclude-standard | tar -cf - -T - | tar -xf - -C "$source"
rm -f "$output"/ck8s-ports-*.tar.gz
"${ANSIBLE_GALAXY:-.venv/bin/ansible-galaxy}" collection build "$source" --output-path "$output"
