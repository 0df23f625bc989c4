"""Which release of FreeSWITCH is fit to stand where strangers can reach it."""

import re
from typing import Final

FIXED_IN: Final = (1, 11, 2)
"""It has the fixes a bridge needs (docs/telecom.md): of an SDP's crypto line that overran a buffer,
of RTP that strangers injected, of a use after free in the thread that dispatches SIP."""
_VERSION: Final = re.compile(r"Version (\d+)\.(\d+)(?:\.(\d+))?")


def release_warning(status: str) -> str | None:
    """Read `status`; say what to do about a release without the fixes, or one that is not told."""
    found = _VERSION.search(status)
    if found is None:
        return "WARNING: it does not tell its release: see docs/telecom.md for the one to run"
    version = tuple(int(part or 0) for part in found.groups())
    if version >= FIXED_IN:
        return None
    given, wanted = (".".join(map(str, one)) for one in (version, FIXED_IN))
    return (
        f"WARNING: {given} lacks the security fixes of {wanted}: run {wanted} or later, and this"
        " one behind the carriers' firewall only (alloresto bridge firewall)"
    )
