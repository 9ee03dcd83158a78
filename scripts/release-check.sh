#!/bin/sh
# Builds the tarball and tries it as a user gets it: installed into an empty place, where nothing else of the collection is.
# With a version it is to be exactly that release, with its changelog written.
#
# usage: release-check.sh ENVIRONMENT BIN [VERSION]      (.venvs/docs .venv/bin 1.1.0)
set -eu
cd "$(dirname "$0")/.."
environment=${1:?usage: release-check.sh ENVIRONMENT BIN [VERSION]}/bin
bin=$PWD/${2:?usage: release-check.sh ENVIRONMENT BIN [VERSION]}
released=${3-}
export PATH="$bin:$PATH"

version=$(sed -n 's/^version: //p' galaxy.yml)
echo "$version" | grep -Eq '^[0-9]+\.[0-9]+\.[0-9]+$' || {
    echo "galaxy.yml: version: $version is no semantic version such as 1.2.3" >&2
    exit 1
}
"$environment/antsibull-changelog" lint
if [ -n "$released" ]; then
    [ "$released" = "$version" ] || {
        echo "galaxy.yml has version $version, not $released: make release VERSION=$released" >&2
        exit 1
    }
    grep -q "^  $version:" changelogs/changelog.yaml || {
        echo "changelogs/changelog.yaml has no release $version: make release VERSION=$version" >&2
        exit 1
    }
fi

scripts/build.sh build
tarball=$PWD/build/ck8s-ports-$version.tar.gz
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
export ANSIBLE_COLLECTIONS_PATH="$place" ANSIBLE_HOME="$place/home"
ansible-galaxy collection install --offline --collections-path "$place" "$tarball"
checkout=$PWD
cd "$place"

for playbook in ansible_collections/ck8s/ports/playbooks/*.yml; do
    ansible-playbook --syntax-check "ck8s.ports.$(basename "$playbook" .yml)" >/dev/null
done
for kind in module lookup filter callback; do
    # shellcheck disable=SC2046  # one word per plugin
    ansible-doc --json --type "$kind" $(ansible-doc --list --type "$kind" ck8s.ports | cut -d ' ' -f 1) >/dev/null
done
for role in ansible_collections/ck8s/ports/roles/*; do
    ansible-doc --type role "ck8s.ports.$(basename "$role")" | grep -q . || {
        echo "ansible-doc knows nothing of the role $role: see its meta/argument_specs.yml" >&2
        exit 1
    }
done
# An execution environment: what ansible-builder finds in the installed collection, and whether ours is one for it.
"$checkout/$environment/ansible-builder" introspect "$place" >"$place/introspected"
grep -q jmespath "$place/introspected" || {
    echo "ansible-builder finds no jmespath among the collection's requirements: see meta/execution-environment.yml" >&2
    exit 1
}
"$checkout/$environment/ansible-builder" create --file "$checkout/docs/execution-environment.yml" --context "$place/context" \
    >/dev/null
echo "$tarball: version $version, installs, and everything in it is found by its name"
