#!/bin/sh
# Makes collections/ansible_collections/ck8s/ports: one symlink per top-level entry of the checkout, so that Ansible and
# Python find ck8s.ports.* in a checkout that does not itself lie under ansible_collections/. Repeatable; git ignores it.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
tree=$top/collections/ansible_collections/ck8s/ports
mkdir -p "$tree"
for entry in galaxy.yml README.md LICENSE meta plugins roles playbooks docs tests molecule changelogs; do
    ln -sfn "../../../../$entry" "$tree/$entry"
done
