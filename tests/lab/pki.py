# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates for one run of the lab: an authority made for it, a server certificate per node, one for clients."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Credentials:
    """Paths of the PEM files that one end of a TLS connection needs."""

    ca: str
    certificate: str
    key: str

    def as_dict(self) -> dict[str, str]:
        """Return the paths by name, for JSON."""
        return asdict(self)


class Authority:
    """A certificate authority whose files live in one directory."""

    def __init__(self, directory: Path) -> None:
        """Make the authority and its directory; what an earlier run left there is replaced."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._ca = trustme.CA(organization_name="ck8s.ports lab")
        self._ca_path = directory / "ca.pem"
        self._ca.cert_pem.write_to_path(self._ca_path)

    def issue(self, name: str, *identities: str) -> Credentials:
        """Issue a certificate to ``name`` for these addresses and host names; good for servers and clients alike."""
        leaf = self._ca.issue_cert(*identities, common_name=name)
        certificate, key = self._directory / f"{name}.pem", self._directory / f"{name}-key.pem"
        certificate.unlink(missing_ok=True)
        for number, blob in enumerate(leaf.cert_chain_pems):
            blob.write_to_path(certificate, append=number > 0)
        key.unlink(missing_ok=True)
        key.touch(mode=0o600)
        leaf.private_key_pem.write_to_path(key, append=True)
        return Credentials(ca=str(self._ca_path), certificate=str(certificate), key=str(key))
