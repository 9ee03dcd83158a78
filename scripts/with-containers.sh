#!/bin/sh
# Runs a command that needs podman and root, or says why it cannot be run here.
#
# usage: with-containers.sh WHAT COMMAND...
set -eu
cd "$(dirname "$0")/.."
what=${1:?usage: with-containers.sh WHAT COMMAND...}
shift
if [ "$(id -u)" -ne 0 ]; then
    scripts/skip.sh "$what" "containers with systemd need root (run it with sudo)"
elif ! missing=$(scripts/install-debian-packages.sh containers 2>&1); then
    scripts/skip.sh "$what" "$(echo "$missing" | head -n 1) (sudo scripts/install-debian-packages.sh containers)"
else
    exec "$@"
fi
