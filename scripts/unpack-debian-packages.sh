#!/bin/sh
# The Debian or Ubuntu packages of other firewalls, for their tests: downloaded and unpacked into a directory, which the
# tests lay over the system inside the sandbox. Nothing is installed, and so nothing is started.
#
# usage: unpack-debian-packages.sh DIRECTORY
set -eu

PACKAGES='ufw firewalld python3-firewall python3-nftables python3-dbus python3-gi gir1.2-glib-2.0
    libgirepository-1.0-1 python3-cap-ng libcap-ng0'

directory=${1:?usage: $0 DIRECTORY}
if [ -e "$directory/.made" ]; then
    exit 0
fi
for program in iptables ip6tables dbus-daemon busctl; do
    PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null || {
        echo "$(basename "$0"): $program is missing; install iptables, dbus and systemd (or what has busctl)" >&2
        exit 1
    }
done
rm -rf "$directory"
mkdir -p "$directory/packages"
(
    cd "$directory/packages"
    # shellcheck disable=SC2086  # one word per package
    apt-get download $PACKAGES
    for package in *.deb; do
        dpkg-deb --extract "$package" ..
    done
)
# The system has /lib in /usr.
if [ -d "$directory/lib" ]; then
    cp -a "$directory/lib/." "$directory/usr/lib/"
fi
rm -rf "${directory:?}/packages" "${directory:?}/lib"
touch "$directory/.made"
