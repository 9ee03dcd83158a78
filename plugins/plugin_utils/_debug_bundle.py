# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody who mends the collection needs of a run, in one file and without secrets. Private to the collection.

It has the observations of each host, from which the judgement can be done again, and what was judged. Command lines
have no values (see _redact), and the evidence of the findings, which quotes them, is left out. Addresses and the names
of hosts, processes and units are in it.
"""

from __future__ import annotations

import io
import json
import os
import re
import tarfile
from pathlib import Path
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils._redact import redact

Data = dict[str, Any]

NAME = "ck8s-ports-debug"
WITHOUT = ("evidence", "observed")
"""Of a finding: what may quote a command line."""


def files(report: Data, registered: dict[str, Data], run: Data) -> dict[str, str]:
    """The files of the bundle: name to content. C(run) is about the run itself: versions and arguments."""
    findings = [{key: value for key, value in finding.items() if key not in WITHOUT} for finding in report["findings"]]
    about = {key: value for key, value in report.items() if key not in ("findings", "changes")}
    contents = {"run.json": run, "report.json": {**about, "findings": findings}}
    for number, (host, facts) in enumerate(sorted(registered.items())):
        contents[f"hosts/{number:04d}-{_file_name(host)}.json"] = facts
    return {name: _text(content) for name, content in contents.items()}


def _text(content: Any) -> str:
    # Among what Ansible has registered are objects of its own, such as warnings from ansible-core 2.19 on.
    return json.dumps(redact(content), indent=2, sort_keys=True, default=lambda value: redact(str(value))) + "\n"


def write(path: Path, contents: dict[str, str], now: float) -> None:
    """Write the C(contents) as a .tar.gz that its owner alone may read. C(now) is its time, in seconds since 1970."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # so that the new file has the mode that it is made with
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream, tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in contents.items():
            encoded = content.encode("utf-8", errors="backslashreplace")
            member = tarfile.TarInfo(f"{NAME}/{name}")
            member.size, member.mtime, member.mode = len(encoded), int(now), 0o600
            archive.addfile(member, io.BytesIO(encoded))


def _file_name(host: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", host)[:80]
