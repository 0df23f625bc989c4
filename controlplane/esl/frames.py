"""Event socket framing: a block of header lines, an empty line, `Content-Length` bytes of body.

It is pure: bytes in, frames out, however they are split. Source: mod_event_socket.c (`read_packet`,
`listener_run`). Nothing is decoded but UTF-8: only `plain` events percent-encode, and we use JSON.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from controlplane.esl.errors import EslProtocolError

MAX_HEADER_BYTES = 64 * 1024
"""FreeSWITCH's own reply buffer is 512 bytes, and its event headers travel in the body."""
MAX_BODY_BYTES = 16 * 1024 * 1024
"""`show channels as json` of 1,000 calls is about 1 MB."""
_MAX_LENGTH_DIGITS = 10

_LF = 0x0A
_LINE_ENDS = b"\r\n"


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. Header names are lower case; `body` is None when there is no `Content-Length`."""

    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None

    @property
    def content_type(self) -> str | None:
        """Return `Content-Type`; a reply without one is still a reply, so that replies keep their
        turn.
        """
        declared = self.headers.get("content-type")
        if declared is None and "reply-text" in self.headers:
            return "command/reply"
        return declared

    @property
    def text(self) -> str:
        """Return the body as text; bytes that are not UTF-8 become U+FFFD (callers choose their
        name).
        """
        return (self.body or b"").decode("utf-8", errors="replace")


class FrameParser:
    """Cuts a byte stream into frames.

    After an `EslProtocolError` the stream has no known boundary left: the parser refuses all that
    follows and the connection must be closed.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._headers: dict[str, str] | None = None
        self._body_bytes = 0
        self._broken: str | None = None

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield each frame that `data` completes. Raises EslProtocolError at the first bad one."""
        self._buffer += data
        while True:
            frame = self._next()
            if frame is None:
                return
            yield frame

    def feed_eof(self) -> None:
        """Note that no byte follows. Raises EslProtocolError when a frame was left unfinished."""
        if self._headers is not None or self._buffer.strip(_LINE_ENDS):
            raise self._refuse("the stream ended inside a frame")

    def _next(self) -> Frame | None:
        if self._broken:
            raise EslProtocolError(self._broken)
        if self._headers is None and not self._read_headers():
            return None
        if len(self._buffer) < self._body_bytes:
            return None
        headers = self._headers or {}
        body = bytes(self._buffer[: self._body_bytes]) if "content-length" in headers else None
        self._consume(self._body_bytes)
        self._headers = None
        return Frame(headers=headers, body=body)

    def _read_headers(self) -> bool:
        """Move one whole header block out of the buffer; return False until its end is there."""
        self._skip_empty_lines()
        end = self._find_empty_line()
        if end is None:
            if len(self._buffer) > MAX_HEADER_BYTES:
                raise self._refuse(f"header block over {MAX_HEADER_BYTES} bytes")
            return False
        if end > MAX_HEADER_BYTES:
            raise self._refuse(f"header block over {MAX_HEADER_BYTES} bytes")
        headers = self._parse_headers(bytes(self._buffer[:end]))
        self._body_bytes = self._parse_length(headers.get("content-length"))
        self._consume(end)
        self._headers = headers
        return True

    def _skip_empty_lines(self) -> None:
        if self._buffer.startswith((b"\r", b"\n")):
            self._consume(len(self._buffer) - len(self._buffer.lstrip(_LINE_ENDS)))

    def _find_empty_line(self) -> int | None:
        """Return the index just after the empty line (LF LF or LF CR LF) that ends the block."""
        at = self._scanned
        while (at := self._buffer.find(_LF, at)) >= 0:
            after = self._buffer[at + 1 : at + 3]
            if after[:1] == b"\n":
                return at + 2
            if after == b"\r\n":
                return at + 3
            if len(after) < 2 and bytes(after) in (b"", b"\r"):
                break  # the next bytes decide
            at += 1
        self._scanned = at if at >= 0 else len(self._buffer)
        return None

    def _parse_headers(self, block: bytes) -> dict[str, str]:
        headers: dict[str, str] = {}
        last: str | None = None
        for raw in block.split(b"\n"):
            line = raw.rstrip(b"\r").decode("utf-8", errors="replace")
            if not line:
                continue
            name, colon, value = line.partition(":")
            if not colon:
                if last is None:
                    raise self._refuse("first header line without a colon")
                headers[last] += "\n" + line
                continue
            last = name.strip().lower()
            if last == "content-length" and headers.get(last, value.strip()) != value.strip():
                raise self._refuse("two different Content-Length")
            headers[last] = value.strip()
        return headers

    def _parse_length(self, value: str | None) -> int:
        if value is None:
            return 0
        if not (value.isascii() and value.isdigit() and len(value) <= _MAX_LENGTH_DIGITS):
            raise self._refuse(f"Content-Length is not a length: {value[:40]!r}")
        if int(value) > MAX_BODY_BYTES:
            raise self._refuse(f"Content-Length {value} is over {MAX_BODY_BYTES} bytes")
        return int(value)

    def _consume(self, count: int) -> None:
        del self._buffer[:count]
        self._scanned = 0

    def _refuse(self, why: str) -> EslProtocolError:
        self._broken = why
        self._buffer.clear()
        return EslProtocolError(why)
