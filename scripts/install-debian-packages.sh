#!/bin/sh
# The Debian or Ubuntu packages that the lab and the checks need: looks for the programs, installs what is missing when it is root,
# and otherwise says what to install. Never removes or upgrades anything, and starts no service: the lab runs etcd and
# containerd by itself, in namespaces.
#
# usage: install-debian-packages.sh [--check] [GROUP]      with --check nothing is ever installed
# GROUP is lab, for the light nodes (the default), containers, for the nodes with systemd, checks, for `make shell`,
# formats, for `make formats`, or benchmark, for what the firewall is compared with
# exit status: 0 nothing is missing (any more), 1 something is, 2 bad usage
set -eu

# program           package        units that the package would start
LAB='
unshare             util-linux
nsenter             util-linux
mount               mount
ip                  iproute2
ss                  iproute2
nft                 nftables       nftables.service
etcd                etcd-server    etcd.service
etcdctl             etcd-client
containerd          containerd     containerd.service
ssh                 openssh-client
sshd                openssh-server ssh.service
python3-ensurepip   python3-venv
'
CONTAINERS='
podman              podman         podman.service podman.socket podman-restart.service podman-auto-update.timer
runc                runc
mmdebstrap          mmdebstrap
'
CHECKS='
shellcheck          shellcheck
'
BENCHMARK='
iptables            iptables
ufw                 ufw            ufw.service
'
FORMATS='
promtool            prometheus     prometheus.service
xmllint             libxml2-utils
chromium            chromium
'

say() {
    echo "$(basename "$0"): $*" >&2
}

present() {
    case $1 in
    # Debian's python3 comes without ensurepip, which `python3 -m venv` needs.
    python3-ensurepip) "${PYTHON:-python3}" -c 'import ensurepip' 2>/dev/null ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

usage() {
    say "usage: $0 [--check] [lab|containers|checks|formats|benchmark]"
    exit 2
}

check=false
group=lab
needed=$LAB
for argument; do
    case $argument in
    --check) check=true ;;
    lab) group=lab needed=$LAB ;;
    containers) group=containers needed=$CONTAINERS ;;
    checks) group=checks needed=$CHECKS ;;
    benchmark) group=benchmark needed=$BENCHMARK ;;
    formats) group=formats needed=$FORMATS ;;
    *) usage ;;
    esac
done

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
programs=
packages=
units=
while read -r program package its_units; do
    if [ -z "$program" ] || present "$program"; then
        continue
    fi
    programs="$programs $program"
    case " $packages " in
    *" $package "*) ;;
    *)
        packages="$packages $package"
        units="$units $its_units"
        ;;
    esac
done <<LIST
$needed
LIST

if [ -z "$programs" ]; then
    exit 0
fi
say "missing programs:$programs"
if $check || [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    say "on Debian or Ubuntu they are in:$packages"
    say "install them with: sudo $0 $group"
    say "or by hand, which also starts their services: sudo apt-get install --no-install-recommends$packages"
    exit 1
fi

say "installing:$packages"
# A masked unit is not started by its package. Afterwards it is an ordinary unit again, disabled.
restore_units() {
    for unit in $units; do
        systemctl unmask --quiet "$unit"
        systemctl disable --quiet "$unit" 2>/dev/null || true
    done
}
if command -v systemctl >/dev/null; then
    trap restore_units EXIT
    for unit in $units; do
        systemctl mask --quiet "$unit"
    done
fi
# RUNLEVEL=1 is for systems without systemd: in that runlevel no service of theirs is started.
export RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive
install() {
    # Others that install at the same time are waited for.
    # shellcheck disable=SC2086  # one word per package
    apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends $packages
}
install || {
    say "once more, with fresh package lists"
    apt-get update
    install
}
