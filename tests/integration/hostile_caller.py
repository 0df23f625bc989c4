"""A caller sends whatever bytes it likes to a SIP port, and notes what comes back."""

import asyncio
import contextlib
import re
import secrets
from collections.abc import Iterable
from types import TracebackType
from typing import Final, Self

from freeswitch.telephone.rtp_session import Address
from tests.waiting import until

FINAL: Final = 200
POLL_S: Final = 0.01
SDP: Final = (
    "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n"
)


class HostileCaller(asyncio.DatagramProtocol):
    """One UDP port at `host`. It acknowledges final answers to an INVITE, and hangs calls up."""

    def __init__(self, host: str, target: Address) -> None:
        self._host, self._target = host, target
        self._transport: asyncio.DatagramTransport | None = None
        self._statuses: dict[str, list[int]] = {}
        self._invites: dict[str, str] = {}
        self.hold = False
        """Answered calls are left up: the other side hangs up."""

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(self._host, 0)
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._transport is not None
        self._transport.close()

    @property
    def port(self) -> int:
        assert self._transport is not None
        return int(self._transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        text = data.decode("utf-8", "replace")
        found = re.match(r"SIP/2\.0 (\d{3})", text)
        call_id = re.search(r"^Call-ID: *(.*?)\r$", text, re.MULTILINE | re.IGNORECASE)
        if found is None or call_id is None:
            if text.startswith("BYE "):
                self.send(_answer_to(text))
            return
        status = int(found[1])
        self._statuses.setdefault(call_id[1], []).append(status)
        if status >= FINAL and re.search(r"^CSeq: *\d+ INVITE", text, re.MULTILINE):
            self._acknowledge(text, call_id[1], status)

    def send(self, message: bytes | str) -> None:
        """Send one datagram."""
        assert self._transport is not None
        data = message if isinstance(message, bytes) else message.encode("utf-8", "surrogateescape")
        self._transport.sendto(data, self._target)

    def request(
        self,
        uri: str,
        *,
        method: str = "INVITE",
        sender: str = "<sip:+33639980199@caller.example>",
        to: str | None = None,
        headers: Iterable[str] = (),
        body: str | None = None,
        content_type: str = "application/sdp",
        length: int | None = None,
    ) -> tuple[str, str]:
        """Return a request's text and its Call-ID. `headers` are whole lines; `length` stands
        instead of the true one.
        """
        call_id = f"{secrets.token_hex(8)}@{self._host}"
        if body is None:
            body = SDP.format(host=self._host, port=40_000) if method == "INVITE" else ""
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self._host}:{self.port};rport;branch=z9hG4bK{secrets.token_hex(8)}",
            "Max-Forwards: 70",
            f"From: {sender};tag={secrets.token_hex(4)}",
            f"To: {to or f'<{uri}>'}",
            f"Call-ID: {call_id}",
            f"CSeq: 1 {method}",
            f"Contact: <sip:caller@{self._host}:{self.port}>",
            *headers,
        ]
        if body:
            lines.append(f"Content-Type: {content_type}")
        size = len(body.encode("utf-8", "surrogateescape"))
        lines.append(f"Content-Length: {size if length is None else length}")
        self._invites[call_id] = uri
        return "\r\n".join([*lines, "", ""]) + body, call_id

    async def exchange(
        self, message: tuple[str, str], *, deadline_s: float, patience_s: float = 0.5
    ) -> int | None:
        """Send, and once more after `patience_s` without any answer; return the final status, or
        None.
        """
        text, call_id = message

        def statuses() -> list[int]:
            return self._statuses.get(call_id, [])

        self.send(text)
        with contextlib.suppress(AssertionError):
            await until(statuses, deadline_s=min(patience_s, deadline_s))
        if not statuses() and patience_s < deadline_s:
            self.send(text)
        with contextlib.suppress(AssertionError):
            return await until(
                lambda: next((status for status in statuses()[-1:] if status >= FINAL), None),
                deadline_s=max(0.0, deadline_s - patience_s),
            )
        return None

    def _acknowledge(self, response: str, call_id: str, status: int) -> None:
        def header(name: str) -> str:
            found = re.search(rf"^{name}: *(.*?)\r$", response, re.MULTILINE | re.IGNORECASE)
            return found[1] if found else ""

        uri = self._invites.get(call_id, "sip:nobody@127.0.0.1")
        methods = ["ACK"] if status > FINAL or self.hold else ["ACK", "BYE"]
        for number, method in enumerate(methods, start=1):
            self.send(
                f"{method} {uri} SIP/2.0\r\nVia: {header('Via')}{'x' * (number - 1)}\r\n"
                f"Max-Forwards: 70\r\nFrom: {header('From')}\r\nTo: {header('To')}\r\n"
                f"Call-ID: {call_id}\r\nCSeq: {number} {method}\r\nContent-Length: 0\r\n\r\n"
            )


def _answer_to(request: str) -> bytes:
    """Answer a BYE of the other side with 200."""
    kept = re.findall(
        r"^(?:Via|From|To|Call-ID|CSeq): .*?\r$", request, re.MULTILINE | re.IGNORECASE
    )
    lines = ["SIP/2.0 200 OK", *(line.rstrip("\r") for line in kept), "Content-Length: 0", "", ""]
    return "\r\n".join(lines).encode()
