# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that takes an unconfirmed change back. Pure; private to the collection."""

from __future__ import annotations

import shlex

ATTEMPTS = 60
"""How often the script tries to load the previous rules, a second apart, each time for ``PATIENCE`` seconds at most."""
PATIENCE = 10

# It needs no Python and no file of the collection: both may be gone when it runs, and so may the controller.
#
# "Unconfirmed" is one fact, the existence of $unconfirmed, which the confirmation makes untrue by one rename or unlink.
# Whoever holds the lock decides; the lock is the file that says which change this is, so that a timer of an earlier
# change does nothing to a later one. The count of sleeps does not care what time the node thinks it is.
_SCRIPT = r"""#!/bin/sh
# Takes back a change of the firewall that nobody has confirmed: restore.sh TOKEN [SECONDS TO WAIT]
# Written by ck8s.ports.port_policy for this one change. Exit status: 0 nothing is unconfirmed any more, 1 no success.
set -u
PATH=/usr/sbin:/usr/bin:/sbin:/bin
change=@change@
taken_back=@taken_back@
unconfirmed=@unconfirmed@
policy=@policy@
unit=@unit@
link=@link@

ours() { [ "$(cat "$change/token" 2>/dev/null)" = "$1" ] && [ -e "$unconfirmed" ]; }

seconds=${2:-0}
while [ "$seconds" -gt 0 ]; do
    ours "$1" || exit 0
    sleep 1
    seconds=$((seconds - 1))
done

ours "$1" || exit 0
exec 9<"$change/token"
# A change that is still being made is let finish; one that hangs is not waited for.
flock -w @wait@ 9
ours "$1" || exit 0

attempt=0
until timeout -k 1 @patience@ @command@ "$change/previous"; do
    attempt=$((attempt + 1))
    [ "$attempt" -lt @attempts@ ] || exit 1
    sleep 1
done
rm -rf "$taken_back"
mv "$change" "$taken_back"
rm -f "$unconfirmed"
if [ -n "$policy" ] && [ ! -e "$policy" ]; then
    rm -f "$link" "$unit"
    rmdir "${policy%/*}" 2>/dev/null
fi
exit 0
"""


def render_restore_script(
    *, command: list[str], change: str, taken_back: str, unconfirmed: str, policy: str, unit: str, link: str
) -> str:
    """Return the script. ``command`` loads the previous rules from the file whose name is appended to it.

    ``change`` is the directory of this change, which becomes ``taken_back``; ``unconfirmed`` the file whose existence
    means that nobody has confirmed it. The last three are the files for the next boot, "" where there are none.
    """
    values = {
        "change": shlex.quote(change),
        "taken_back": shlex.quote(taken_back),
        "unconfirmed": shlex.quote(unconfirmed),
        "policy": shlex.quote(policy),
        "unit": shlex.quote(unit),
        "link": shlex.quote(link),
        "command": " ".join(shlex.quote(word) for word in command),
        "wait": str(PATIENCE * 6),
        "patience": str(PATIENCE),
        "attempts": str(ATTEMPTS),
    }
    script = _SCRIPT
    for name, value in values.items():
        script = script.replace(f"@{name}@", value)
    return script
