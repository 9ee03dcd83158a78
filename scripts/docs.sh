#!/bin/sh
# Builds the site under build/docs/html: the pages of docs/ and the README, a page for each edition of the document, and
# the pages of all plugins and roles. A warning of Sphinx's is a failure. Needs no network.
#
# usage: docs.sh ENVIRONMENT BIN      (.venvs/docs .venv/bin)
set -eu
cd "$(dirname "$0")/.."
environment=${1:?usage: docs.sh ENVIRONMENT BIN}/bin
bin=${2:?usage: docs.sh ENVIRONMENT BIN}
source=build/docs/source
export ANSIBLE_COLLECTIONS_PATH="$PWD/collections" PATH="$PWD/$environment:$PATH"

rm -rf build/docs
mkdir -p "$source"
cp docs/site/conf.py docs/site/index.md README.md CONTRIBUTING.md "$source/"
cp -R docs "$source/"
rm -r "$source/docs/site"
"$bin/python" scripts/port_pages.py "$source/ports"
"$environment/antsibull-docs" --config-file docs/site/antsibull-docs.cfg collection --use-current \
    --dest-dir "$source" --no-add-antsibull-docs-version ck8s.ports
"$environment/antsibull-changelog" generate --output "$source/changelog.rst" --output-format rst >/dev/null 2>&1 ||
    printf 'Changelog\n=========\n\nNothing has been released yet.\n' >"$source/changelog.rst"
"$environment/sphinx-build" --quiet --fail-on-warning --keep-going --builder html "$source" build/docs/html
echo "build/docs/html/index.html: $(find build/docs/html -name '*.html' | wc -l) pages"
