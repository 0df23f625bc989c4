"""What a SIP account's fields may hold, so that FreeSWITCH takes them whole and acts on none. Pure.

FreeSWITCH runs a gateway's file through a preprocessor before it parses XML (switch_xml.c,
`preprocess`): line by line it expands dollar-dollar-brace, drops any line that holds an include tag
or `<?`, and obeys X-PRE-PROCESS, which can run a shell command. Credentials come from people.
"""

import re
import unicodedata
from typing import Final

from controlplane.errors import AlloRestoError

MAX_SECRET: Final = 128
MAX_CREDENTIALS: Final = 192
"""FreeSWITCH cuts `scheme:"realm":user:password` at 255 bytes (sofia_reg.c); this leaves 52 to a
realm, which is the carrier's to choose."""

DOMAIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?")
USER: Final = re.compile(r"[A-Za-z0-9_.+\-]{1,64}")
_AUTH_USER = re.compile(r"[A-Za-z0-9_.+\-@]{1,128}")


class InvalidGateway(AlloRestoError):
    """A value cannot go into a gateway file; names the field, never shows the value."""

    def __init__(self, field_name: str, reason: str) -> None:
        super().__init__(f"{field_name}: {reason}")
        self.field = field_name


def check_credentials(
    *, username: str, password: str, domain: str | None, auth_username: str | None
) -> None:
    """Raise InvalidGateway unless all of it can go into a gateway's file. `domain` is the host of
    From and To; `auth_username` the digest's user, None for `username`.
    """
    matching("username", username, USER)
    check_secret("password", password)
    if auth_username is not None:
        matching("auth_username", auth_username, _AUTH_USER)
    if len(f"{auth_username or username}{password}".encode()) > MAX_CREDENTIALS:
        raise InvalidGateway("auth_username", f"with the password over {MAX_CREDENTIALS} bytes")
    if domain is not None:
        matching("domain", domain, DOMAIN, limit=253)


def matching(name: str, value: str, pattern: re.Pattern[str], *, limit: int = 512) -> str:
    """Return the value of a field. Raises InvalidGateway when it is not of this pattern."""
    inert(name, value)
    if len(value) > limit:
        raise InvalidGateway(name, f"longer than {limit} characters")
    if not pattern.fullmatch(value):
        raise InvalidGateway(name, f"does not match {pattern.pattern}")
    return value


def check_secret(name: str, value: str) -> None:
    """Allow any printable text that the preprocessor leaves alone and the digest takes whole."""
    inert(name, value)
    if not value:
        raise InvalidGateway(name, "must not be empty")
    if ":" in value:
        # sofia-sip's auc_credentials: `scheme:"realm":user:password`, cut at the next colon.
        raise InvalidGateway(name, "holds a colon, where FreeSWITCH would cut it")
    if len(value.encode()) > MAX_SECRET:
        raise InvalidGateway(name, f"longer than {MAX_SECRET} bytes")


def inert(name: str, value: str) -> None:
    """Raise InvalidGateway when FreeSWITCH's preprocessor would react to `value`."""
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in value):
        raise InvalidGateway(name, "holds a control character")
    lowered = value.lower()
    for forbidden in ("$${", "<", "--", "x-pre-process"):
        if forbidden in lowered:
            raise InvalidGateway(name, f"holds {forbidden!r}, which FreeSWITCH would act on")
