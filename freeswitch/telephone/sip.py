"""SIP messages (RFC 3261) as pure data: `parse(datagram)` and `bytes(message)`, no sockets."""

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

SIP_VERSION = "SIP/2.0"
BRANCH_MAGIC_COOKIE = "z9hG4bK"
MAX_FORWARDS = "70"

_COMPACT_FORMS = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "c": "content-type",
    "k": "supported",
    "e": "content-encoding",
    "s": "subject",
}

REASON_PHRASES = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    500: "Server Internal Error",
    503: "Service Unavailable",
    603: "Decline",
}


class SipError(ValueError):
    """Raised for a datagram, URI or header that RFC 3261 does not allow."""


class Headers:
    """Holds header fields in order; names compare without case and in their compact form too."""

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields: list[tuple[str, str]] = []
        for name, value in fields:
            self.add(name, value)

    def add(self, name: str, value: str) -> None:
        """Append one field. Raises `SipError` on a line break, which would start another field."""
        if "\r" in name + value or "\n" in name + value:
            raise SipError("line break in a header")
        self._fields.append((name, value))

    def get(self, name: str) -> str | None:
        """Return the first value, or None."""
        return next(iter(self.get_all(name)), None)

    def get_all(self, name: str) -> list[str]:
        """Return every value, in order."""
        wanted = _canonical(name)
        return [value for field_name, value in self._fields if _canonical(field_name) == wanted]

    def required(self, name: str) -> str:
        """Return the first value. Raises `SipError` when there is none."""
        value = self.get(name)
        if value is None:
            raise SipError(f"no {name} header")
        return value

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._fields)


def _canonical(name: str) -> str:
    lower = name.lower()
    return _COMPACT_FORMS.get(lower, lower)


@dataclass(frozen=True, slots=True)
class SipUri:
    """A URI `sip:user@host:port;params` (RFC 3261 §19.1)."""

    user: str
    host: str
    port: int = 5060
    parameters: Mapping[str, str] = field(default_factory=dict)

    _PATTERN = re.compile(
        r"sips?:(?:(?P<user>[^@]*)@)?(?P<host>\[[^\]\s]*\]|[^:;?<>@\s]+)(?::(?P<port>\d{1,5}))?"
        r"(?P<parameters>(?:;[^;?]*)*)(?:\?.*)?",
        re.IGNORECASE,
    )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URI. Raises `SipError`."""
        match = cls._PATTERN.fullmatch(text.strip())
        if match is None:
            raise SipError("not a SIP URI")
        return cls(
            user=match["user"] or "",
            host=match["host"],
            port=int(match["port"] or 5060),
            parameters=_parameters(match["parameters"]),
        )

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        return f"sip:{user}{self.host}:{self.port}{_parameter_text(self.parameters)}"


@dataclass(frozen=True, slots=True)
class NameAddr:
    """An address `"Display" <uri>;params`, as in From, To and Contact (RFC 3261 §20.10)."""

    uri: str
    display_name: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    _PATTERN = re.compile(
        r'\s*(?:"(?P<quoted>(?:\\.|[^"\\])*)"|(?P<token>[^<"]*?))\s*<(?P<uri>[^>]*)>'
        r"(?P<parameters>.*)",
        re.DOTALL,
    )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the name-addr and the addr-spec form alike."""
        match = cls._PATTERN.fullmatch(text)
        if match is None:
            uri, semicolon, parameters = text.strip().partition(";")
            return cls(uri=uri, parameters=_parameters(semicolon + parameters))
        quoted = match["quoted"]
        name = match["token"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        return cls(uri=match["uri"], display_name=name, parameters=_parameters(match["parameters"]))

    @property
    def tag(self) -> str | None:
        """Return the dialog's tag on this side."""
        return self.parameters.get("tag")

    def with_tag(self, tag: str) -> "NameAddr":
        """Return the same address with our tag."""
        return NameAddr(self.uri, self.display_name, {**self.parameters, "tag": tag})

    def __str__(self) -> str:
        escaped = self.display_name.replace("\\", "\\\\").replace('"', '\\"')
        name = f'"{escaped}" ' if escaped else ""
        return f"{name}<{self.uri}>{_parameter_text(self.parameters)}"


def _parameters(text: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for part in text.split(";"):
        name, _, value = part.strip().partition("=")
        if name:
            parameters[name.lower()] = value.strip('"')
    return parameters


def _parameter_text(parameters: Mapping[str, str]) -> str:
    return "".join(
        f";{name}={value}" if value else f";{name}" for name, value in parameters.items()
    )


@dataclass(frozen=True, slots=True)
class SipRequest:
    """A request. `bytes()` writes its `Content-Length`."""

    method: str
    uri: str
    headers: Headers
    body: bytes = b""

    @property
    def transaction(self) -> tuple[str, str]:
        """Return branch and method, which tie a response to it (RFC 3261 §17.1.3)."""
        return branch_of(self.headers), self.method

    @property
    def call_id(self) -> str:
        """Return the `Call-ID` header."""
        return self.headers.required("Call-ID")

    def __bytes__(self) -> bytes:
        return _build(f"{self.method} {self.uri} {SIP_VERSION}", self.headers, self.body)

    def response(
        self,
        status: int,
        *,
        to_tag: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        reason: str | None = None,
    ) -> "SipResponse":
        """Build a response to this request, with the headers RFC 3261 §8.2.6.2 has it copy."""
        copied = [
            (name, value)
            for name in ("Via", "Record-Route", "From", "Call-ID", "CSeq")
            for value in self.headers.get_all(name)
        ]
        to = NameAddr.parse(self.headers.required("To"))
        if to.tag is None and to_tag is not None:
            to = to.with_tag(to_tag)
        copied.append(("To", str(to)))
        phrase = reason or REASON_PHRASES.get(status, "Unknown")
        return SipResponse(status, phrase, Headers([*copied, *headers]), body)


@dataclass(frozen=True, slots=True)
class SipResponse:
    """A response. `bytes()` writes its `Content-Length`."""

    status: int
    reason: str
    headers: Headers
    body: bytes = b""

    @property
    def transaction(self) -> tuple[str, str]:
        """Return branch and method of the request it answers."""
        sequence = self.headers.required("CSeq").split()
        return branch_of(self.headers), sequence[-1]

    @property
    def call_id(self) -> str:
        """Return the `Call-ID` header."""
        return self.headers.required("Call-ID")

    def __bytes__(self) -> bytes:
        return _build(f"{SIP_VERSION} {self.status} {self.reason}", self.headers, self.body)


def parse(datagram: bytes) -> SipRequest | SipResponse:
    """Read one datagram. Raises `SipError`; bytes that are not UTF-8 are replaced."""
    head, separator, body = datagram.partition(b"\r\n\r\n")
    if not separator:
        raise SipError("no end of headers")
    start, *lines = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "replace")).split("\r\n")
    if "\r" in start or "\n" in start:
        raise SipError("line break in the start line")
    headers = Headers()
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise SipError("header without a colon")
        headers.add(name.strip(), value.strip())
    length = headers.get("Content-Length")
    if length is not None:
        if not length.isdigit() or int(length) > len(body):
            raise SipError("body shorter than Content-Length")
        body = body[: int(length)]
    for name in ("Via", "From", "To", "Call-ID", "CSeq"):
        headers.required(name)
    parts = start.split(" ", 2)
    if len(parts) != 3:
        raise SipError("neither a request line nor a status line")
    if parts[0] == SIP_VERSION and parts[1].isdigit():
        return SipResponse(int(parts[1]), parts[2], headers, body)
    if parts[2] != SIP_VERSION:
        raise SipError("not SIP 2.0")
    return SipRequest(parts[0], parts[1], headers, body)


def _build(start_line: str, headers: Headers, body: bytes) -> bytes:
    if "\r" in start_line or "\n" in start_line:
        raise SipError("line break in the start line")
    lines = [start_line, *(f"{name}: {value}" for name, value in headers)]
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def branch_of(headers: Headers) -> str:
    """Return the branch of the topmost Via."""
    via = headers.required("Via").split(",")[0]
    return _parameters(via.partition(";")[2]).get("branch", "")


def new_branch() -> str:
    """Make a branch that no other transaction has (RFC 3261 §8.1.1.7)."""
    return BRANCH_MAGIC_COOKIE + secrets.token_hex(8)


def new_tag() -> str:
    """Make a From or To tag (RFC 3261 §19.3)."""
    return secrets.token_hex(6)
