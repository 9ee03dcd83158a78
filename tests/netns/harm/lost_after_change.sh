#!/bin/sh
# On a node of the lab: as soon as a change waits for its confirmation, cut the node's cable, for good.
count=0
until [ -e /run/ck8s-ports/change/token ] && nft list table inet ck8s_ports >/dev/null 2>&1; do
    count=$((count + 1))
    [ "$count" -lt 4000 ] || exit 1
    sleep 0.05
done
ip link set eth0 down
