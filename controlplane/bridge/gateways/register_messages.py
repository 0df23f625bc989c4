"""REGISTER and its answers as they are on the wire (RFC 3261 §10.2): what we asked for, and what
the registrar granted, which FreeSWITCH tells nobody. No I/O.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_CONTACT: Final = re.compile(r"<([^>]*)>([^,]*)")
_EXPIRES: Final = re.compile(r';\s*expires\s*=\s*"?(\d{1,9})', re.I)
_OUR_CONTACT: Final = re.compile(r"sips?:(gw(?:\+|%2B)([\w.\-]+)@[^;>]+)", re.I)
_STATUS: Final = re.compile(r"SIP/2\.0 (\d{3})(?: |$)")
_NUMBER: Final = re.compile(r"\d{1,9}")
_COMPACT: Final = {"i": "call-id", "m": "contact"}


@dataclass(frozen=True, slots=True)
class RegisterRequest:
    """One REGISTER of one of our gateways."""

    call_id: str
    cseq: int
    gateway: str
    contact: str
    """`user@host:port` of its Contact."""
    expires_s: int
    """0 gives the binding back."""


@dataclass(frozen=True, slots=True)
class RegisterResponse:
    """One response to any REGISTER. `contacts` holds URI and expiry of each binding it lists."""

    call_id: str
    cseq: int
    status: int
    contacts: tuple[tuple[str, int | None], ...] = ()
    expires_s: int | None = None
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class RegisterAnswer:
    """What a gateway's REGISTER has come to."""

    asked_s: int
    status: int
    granted_s: int = 0
    """What the binding still lives; 0 when there is none, and after any refusal."""
    retry_after_s: int | None = None


def answer_to(request: RegisterRequest, response: RegisterResponse) -> RegisterAnswer:
    """Say what `response` makes of `request`."""
    accepted = 200 <= response.status < 300
    return RegisterAnswer(
        asked_s=request.expires_s,
        status=response.status,
        granted_s=_granted_s(request, response) if accepted else 0,
        retry_after_s=response.retry_after_s,
    )


def _granted_s(request: RegisterRequest, response: RegisterResponse) -> int:
    """Take our own Contact's expiry (RFC 3261 §10.3 step 8). Where the registrar has written
    another Contact in its place, the newest binding is ours: the one that lives longest.
    """
    if not request.expires_s:
        return 0
    general = request.expires_s if response.expires_s is None else response.expires_s
    each = {uri: general if own is None else own for uri, own in response.contacts}
    ours = [expires_s for uri, expires_s in each.items() if request.contact in uri]
    return max(ours or each.values(), default=general)


def register_messages(payload: bytes) -> Iterator[RegisterRequest | RegisterResponse]:
    """Pick them out of a datagram, or of what one read of a stream has brought."""
    if b"REGISTER" not in payload:
        return
    for head in payload.decode("utf-8", "replace").split("\r\n\r\n"):
        if (message := _message(head)) is not None:
            yield message


def _message(head: str) -> RegisterRequest | RegisterResponse | None:
    first, *lines = head.strip().split("\r\n")
    headers = _headers(lines)
    number, _, method = headers.get("cseq", [""])[0].partition(" ")
    call_id = headers.get("call-id", [""])[0]
    if method.strip() != "REGISTER" or not _NUMBER.fullmatch(number) or not call_id:
        return None
    if found := _STATUS.match(first):
        return _response(headers, call_id=call_id, cseq=int(number), status=int(found[1]))
    return _request(headers, call_id=call_id, cseq=int(number))


def _request(headers: dict[str, list[str]], *, call_id: str, cseq: int) -> RegisterRequest | None:
    contact = headers.get("contact", [""])[0]
    ours = _OUR_CONTACT.search(contact)
    if ours is None:
        return None
    expires_s = _first_number(headers, "expires")
    if own := _EXPIRES.search(contact):
        expires_s = int(own[1])
    return RegisterRequest(call_id, cseq, ours[2], ours[1], expires_s or 0)


def _response(
    headers: dict[str, list[str]], *, call_id: str, cseq: int, status: int
) -> RegisterResponse:
    contacts = []
    for uri, parameters in _CONTACT.findall(", ".join(headers.get("contact", []))):
        expires = _EXPIRES.search(parameters)
        contacts.append((uri, int(expires[1]) if expires else None))
    return RegisterResponse(
        call_id,
        cseq,
        status,
        contacts=tuple(contacts),
        expires_s=_first_number(headers, "expires"),
        retry_after_s=_first_number(headers, "retry-after"),
    )


def _headers(lines: list[str]) -> dict[str, list[str]]:
    """Return the values by lower-case name; a folded line belongs to the one before."""
    found: dict[str, list[str]] = {}
    values: list[str] = []
    for line in lines:
        if line[:1] in (" ", "\t") and values:
            values[-1] += " " + line.strip()
            continue
        name, _, value = line.partition(":")
        name = name.strip().lower()
        values = found.setdefault(_COMPACT.get(name, name), [])
        values.append(value.strip())
    return found


def _first_number(headers: dict[str, list[str]], name: str) -> int | None:
    found = _NUMBER.match(headers.get(name, [""])[0])
    return int(found[0]) if found else None
