"""SIP transactions over UDP (RFC 3261 §17): retransmission, timers, ACK to refusals."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, cast

import structlog

from freeswitch.telephone.sip import (
    MAX_FORWARDS,
    Headers,
    SipError,
    SipRequest,
    SipResponse,
    parse,
)

Address = tuple[str, int]

T1_S: Final = 0.5
"""The first retransmission waits this long, an estimate of the round trip (RFC 3261 §17.1.1.1)."""
T2_S: Final = 4.0
"""Retransmissions of anything but an INVITE are no further apart than this."""
TIMER_B_S: Final = 64 * T1_S
"""A transaction without any answer is over after this."""
MAX_ANSWERED: Final = 2_048
"""This many answers are remembered for retransmitted requests; older ones are forgotten first."""

_log = structlog.get_logger()


class NoAnswer(TimeoutError):
    """Raised when no final response came before the deadline."""


class _Pending:
    def __init__(self, on_provisional: Callable[[SipResponse], None] | None) -> None:
        self.final: asyncio.Future[SipResponse] = asyncio.get_running_loop().create_future()
        self.on_provisional = on_provisional
        self.provisional = asyncio.Event()


class SipEndpoint(asyncio.DatagramProtocol):
    """One UDP port that speaks SIP: client and server transactions.

    `on_request` gets each new request (ACK too) once. `on_late_success` gets a 2xx to an INVITE
    whose transaction is over: its ACK was lost and has to be sent again (RFC 3261 §13.2.2.4).
    """

    def __init__(
        self,
        on_request: Callable[[SipRequest, Address], None],
        on_late_success: Callable[[SipResponse], None],
    ) -> None:
        self._on_request = on_request
        self._on_late_success = on_late_success
        self._transport: asyncio.DatagramTransport | None = None
        self._pending: dict[tuple[str, str], _Pending] = {}
        self._answered: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    @classmethod
    async def open(
        cls,
        host: str,
        *,
        port: int,
        on_request: Callable[[SipRequest, Address], None],
        on_late_success: Callable[[SipResponse], None],
    ) -> "SipEndpoint":
        """Bind the port; 0 takes a free one."""
        endpoint = cls(on_request, on_late_success)
        await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: endpoint, local_addr=(host, port)
        )
        return endpoint

    @property
    def address(self) -> Address:
        """Return the host and port that requests are received on."""
        assert self._transport is not None
        host, port = self._transport.get_extra_info("sockname")[:2]
        return str(host), int(port)

    def close(self) -> None:
        """Close the socket; requests still waiting raise `NoAnswer`."""
        for pending in self._pending.values():
            if not pending.final.done():
                pending.final.set_exception(NoAnswer("the endpoint closed"))
        if self._transport is not None:
            self._transport.close()

    def send(self, message: SipRequest | SipResponse, to: Address) -> None:
        """Send once, without a transaction: an ACK, or a 2xx that the dialog retransmits itself."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(bytes(message), to)

    def respond(self, response: SipResponse, to: Address) -> None:
        """Answer a request; the same answer goes out again when the request comes again."""
        self._answered[response.transaction] = bytes(response)
        while len(self._answered) > MAX_ANSWERED:
            self._answered.popitem(last=False)
        self.send(response, to)

    async def respond_until_acknowledged(
        self, response: SipResponse, to: Address, acknowledged: asyncio.Event
    ) -> None:
        """Repeat the 200 of an INVITE until its ACK (RFC 3261 §13.3.1.4).

        Raises `NoAnswer` after 64 × T1. Set `acknowledged` to stop earlier.
        """
        delay_s = T1_S
        try:
            async with asyncio.timeout(TIMER_B_S):
                while True:
                    self.respond(response, to)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(delay_s):
                            await acknowledged.wait()
                            return
                    delay_s = min(2 * delay_s, T2_S)
        except TimeoutError as error:
            raise NoAnswer("no ACK") from error

    async def request(
        self,
        request: SipRequest,
        to: Address,
        *,
        deadline_s: float = TIMER_B_S,
        on_provisional: Callable[[SipResponse], None] | None = None,
    ) -> SipResponse:
        """Send until answered and return the final response.

        Raises `NoAnswer` at the deadline. When cancelled the transaction is forgotten: an INVITE
        still ringing then needs a CANCEL from the caller of this method.
        """
        key = request.transaction
        pending = self._pending[key] = _Pending(on_provisional)
        retransmission = asyncio.create_task(self._retransmit(request, to, pending))
        try:
            async with asyncio.timeout(deadline_s):
                response = await pending.final
        except TimeoutError as error:
            raise NoAnswer(f"no final response to {request.method}") from error
        finally:
            retransmission.cancel()
            if self._pending.get(key) is pending:
                del self._pending[key]
        if request.method == "INVITE" and response.status >= 300:
            self.send(ack_of_refusal(request, response), to)
        return response

    async def _retransmit(self, request: SipRequest, to: Address, pending: _Pending) -> None:
        """Run timers A and E: an INVITE falls silent at the first 1xx, others slow down to T2."""
        delay_s = T1_S
        while True:
            self.send(request, to)
            if request.method == "INVITE":
                try:
                    async with asyncio.timeout(delay_s):
                        await pending.provisional.wait()
                    return
                except TimeoutError:
                    delay_s *= 2
            else:
                await asyncio.sleep(delay_s)
                delay_s = T2_S if pending.provisional.is_set() else min(2 * delay_s, T2_S)

    # asyncio.DatagramProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket, which is now bound."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def error_received(self, exc: Exception) -> None:
        """Do nothing when ICMP says the port is closed: the timers decide, as on a network that
        loses packets.
        """

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Hand a message to its transaction; what is no SIP is dropped."""
        if not data.strip(b"\r\n\0 "):
            return  # keep-alive (RFC 5626 §4.4.1)
        try:
            message = parse(data)
            key = message.transaction
        except SipError:
            _log.info("sip_datagram_dropped", length=len(data))
            return
        if isinstance(message, SipResponse):
            self._receive_response(message, key, addr)
        elif (known := self._answered.get(key)) is not None and self._transport is not None:
            self._transport.sendto(known, addr)
        else:
            self._on_request(message, addr)

    def _receive_response(self, response: SipResponse, key: tuple[str, str], peer: Address) -> None:
        pending = self._pending.get(key)
        if pending is None:
            if key[1] == "INVITE" and 200 <= response.status < 300:
                self._on_late_success(response)
            return
        pending.provisional.set()
        if response.status >= 200:
            if not pending.final.done():
                pending.final.set_result(response)
        elif pending.on_provisional is not None:
            pending.on_provisional(response)


def ack_of_refusal(invite: SipRequest, response: SipResponse) -> SipRequest:
    """Build the ACK of a 3xx–6xx, which is of the INVITE's transaction (RFC 3261 §17.1.1.3)."""
    sequence = invite.headers.required("CSeq").split()[0]
    return SipRequest(
        "ACK",
        invite.uri,
        Headers(
            [
                ("Via", invite.headers.required("Via")),
                ("Max-Forwards", MAX_FORWARDS),
                ("From", invite.headers.required("From")),
                ("To", response.headers.required("To")),
                ("Call-ID", invite.call_id),
                ("CSeq", f"{sequence} ACK"),
            ]
        ),
    )


def cancel_of(invite: SipRequest) -> SipRequest:
    """Build the CANCEL of an INVITE: same branch, same sequence number (RFC 3261 §9.1)."""
    kept = ("Via", "Max-Forwards", "From", "To", "Call-ID")
    fields = [(name, invite.headers.required(name)) for name in kept]
    sequence = invite.headers.required("CSeq").split()[0]
    return SipRequest("CANCEL", invite.uri, Headers([*fields, ("CSeq", f"{sequence} CANCEL")]))
