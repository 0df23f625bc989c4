"""A telephone over real SIP and RTP on UDP: dials a restaurant, or rings as the restaurant's own.

async with Phone() as phone:
    dialog = await phone.call("sip:gw+NAME@127.0.0.1:5080", from_number="0612345678")
    await dialog.play(speech)
    await dialog.hangup()
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Coroutine, Mapping
from typing import Any, Final, Self, TypeVar

from freeswitch.telephone.dialog import CallEnd, Dialog
from freeswitch.telephone.g711 import Codec
from freeswitch.telephone.rtp_session import Address, RtpSession
from freeswitch.telephone.sdp import AudioDescription, SdpError
from freeswitch.telephone.sip import (
    MAX_FORWARDS,
    SIP_VERSION,
    Headers,
    NameAddr,
    SipRequest,
    SipResponse,
    SipUri,
    new_branch,
    new_tag,
)
from freeswitch.telephone.sip_endpoint import TIMER_B_S, NoAnswer, SipEndpoint, cancel_of

CANCEL_DEADLINE_S: Final = 2.0
"""A cancelled INVITE has its 487 within this on loopback; then the phone forgets the call."""
_USER_AGENT: Final = "AlloResto telephone"
_ALLOW: Final = "INVITE, ACK, CANCEL, BYE, OPTIONS"
_CODECS: Final = (Codec.PCMA, Codec.PCMU)
_T = TypeVar("_T")


class CallError(Exception):
    """Raised for a call that was never answered.

    CallError
    ├── CallRefused      the other side said no: `status`, `reason`
    ├── CallTimedOut     no final response before the deadline
    └── CallCancelled    the other side cancelled while we rang
    """


class CallRefused(CallError):
    """A response 3xx–6xx came; `retry_after` is in seconds when the header is there."""

    def __init__(self, response: SipResponse) -> None:
        super().__init__(f"{response.status} {response.reason}")
        self.status = response.status
        self.reason = response.reason
        self.response = response
        retry_after = (response.headers.get("Retry-After") or "").split(";")[0].strip()
        self.retry_after = int(retry_after) if retry_after.isdigit() else None


class CallTimedOut(CallError):
    """No final response came before the deadline; a CANCEL was sent."""


class CallCancelled(CallError):
    """The caller gave up while this phone was ringing."""


class Phone:
    """One SIP port of a caller or of a restaurant, to be used as an async context manager."""

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, refuses_with: int | None = None
    ) -> None:
        """With `refuses_with` every call gets that status; without it calls ring until `listen`."""
        self._host, self._port = host, port
        self._refuses_with = refuses_with
        self._endpoint: SipEndpoint | None = None
        self._dialogs: dict[str, Dialog] = {}
        self._ringing: asyncio.Queue[_IncomingCall] = asyncio.Queue()
        self._incoming: dict[str, _IncomingCall] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        self._endpoint = await SipEndpoint.open(
            self._host,
            port=self._port,
            on_request=self._receive,
            on_late_success=self._acknowledge_again,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        for dialog in list(self._dialogs.values()):
            await dialog.hangup()
        if self._tasks:  # a CANCEL on its way is let through
            await asyncio.wait(self._tasks, timeout=CANCEL_DEADLINE_S)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.endpoint.close()

    @property
    def endpoint(self) -> SipEndpoint:
        """Return the SIP port, which is there only inside the context manager."""
        assert self._endpoint is not None, "enter the phone's context first"
        return self._endpoint

    @property
    def uri(self) -> str:
        """Return the URI this phone is called at."""
        host, port = self.endpoint.address
        return f"sip:phone@{host}:{port}"

    # Calling

    async def call(
        self,
        uri: str,
        *,
        from_number: str,
        display_name: str = "",
        headers: Mapping[str, str] | None = None,
        codec: Codec = Codec.PCMA,
        to: str | None = None,
        deadline_s: float = TIMER_B_S,
    ) -> Dialog:
        """Dial and return once answered; media flows both ways from then on.

        Early media (183) is received before the answer. Raises `CallRefused` or `CallTimedOut`.
        Cancelling this coroutine sends CANCEL and lets the refusal be acknowledged.
        """
        target = SipUri.parse(uri)
        peer = (target.host, target.port)
        host, port = self.endpoint.address
        dialog = Dialog(self.endpoint, peer, call_id=f"{secrets.token_hex(12)}@{host}")
        local = NameAddr(f"sip:{from_number}@{host}:{port}", display_name, {"tag": new_tag()})
        try:
            rtp = await _open_media(dialog, host)
            offer = AudioDescription(host, rtp.port, (codec,))
            invite = self._invite(uri, dialog.call_id, local, to or uri, headers or {}, offer)
            rtp.connect(peer, codec=codec, event_type=None)
            response = await self._until_answered(dialog, invite, peer, local, deadline_s)
            self._establish(dialog, response, local)
            remote = AudioDescription.parse(response.body)
        except SdpError as error:
            await dialog.hangup()
            raise CallError("answered without audio") from error
        except BaseException:
            dialog.close_media()
            raise
        rtp.connect(
            (remote.host, remote.port),
            codec=remote.codecs[0] if remote.codecs else codec,
            event_type=remote.telephone_event,
        )
        rtp.start()
        return dialog

    def _invite(
        self,
        uri: str,
        call_id: str,
        local: NameAddr,
        to: str,
        headers: Mapping[str, str],
        offer: AudioDescription,
    ) -> SipRequest:
        host, port = self.endpoint.address
        fields = [
            ("Via", f"{SIP_VERSION}/UDP {host}:{port};rport;branch={new_branch()}"),
            ("Max-Forwards", MAX_FORWARDS),
            ("From", str(local)),
            ("To", f"<{to}>"),
            ("Call-ID", call_id),
            ("CSeq", "1 INVITE"),
            ("Contact", f"<sip:phone@{host}:{port}>"),
            ("User-Agent", _USER_AGENT),
            ("Allow", _ALLOW),
            *headers.items(),
            ("Content-Type", "application/sdp"),
        ]
        return SipRequest("INVITE", uri, Headers(fields), bytes(offer))

    async def _until_answered(
        self,
        dialog: Dialog,
        invite: SipRequest,
        peer: Address,
        local: NameAddr,
        deadline_s: float,
    ) -> SipResponse:
        trying = asyncio.Event()

        def on_provisional(response: SipResponse) -> None:
            trying.set()
            if response.status >= 180 and dialog.ringing_at is None:
                dialog.ringing_at = time.monotonic()

        dialog.invite, dialog.invite_sent = invite, time.monotonic()
        transaction = self._spawn(
            self.endpoint.request(
                invite,
                peer,
                deadline_s=deadline_s + CANCEL_DEADLINE_S,
                on_provisional=on_provisional,
            )
        )
        try:
            async with asyncio.timeout(deadline_s):
                response = await asyncio.shield(transaction)
        except (TimeoutError, asyncio.CancelledError) as error:
            if trying.is_set():
                transaction.add_done_callback(lambda done: self._drop(done, dialog, local))
                self._spawn(self._cancel(invite, peer))
            else:  # RFC 3261 §9.1: nothing to cancel before a provisional response
                transaction.cancel()
            if isinstance(error, TimeoutError):
                raise CallTimedOut(f"no answer within {deadline_s} s") from error
            raise
        if response.status >= 300:
            raise CallRefused(response)
        return response

    def _establish(self, dialog: Dialog, response: SipResponse, local: NameAddr) -> None:
        dialog.answer, dialog.answered_at = response, time.monotonic()
        contact = response.headers.get("Contact") or response.headers.required("To")
        dialog.establish(
            local=local,
            remote=NameAddr.parse(response.headers.required("To")),
            remote_target=NameAddr.parse(contact).uri,
            route=list(reversed(response.headers.get_all("Record-Route"))),
        )
        self._dialogs[dialog.call_id] = dialog
        dialog.acknowledge(sequence=1)

    def _drop(
        self, transaction: asyncio.Task[SipResponse], dialog: Dialog, local: NameAddr
    ) -> None:
        """Hang up a call that was answered although cancelled: RFC 3261 §9.1 leaves a BYE."""
        if transaction.cancelled() or transaction.exception() is not None:
            return
        if transaction.result().status < 300:
            self._establish(dialog, transaction.result(), local)
            self._spawn(dialog.hangup())

    async def _cancel(self, invite: SipRequest, peer: Address) -> None:
        with contextlib.suppress(NoAnswer):  # nobody there: nothing to cancel
            await self.endpoint.request(cancel_of(invite), peer, deadline_s=CANCEL_DEADLINE_S)

    # Being called

    async def listen(self, *, deadline_s: float, rings_s: float = 0.0) -> Dialog:
        """Wait for a call, ring for `rings_s`, answer it and return once the ACK came.

        Raises `TimeoutError` at the deadline, `CallCancelled` when the caller gives up.
        """
        async with asyncio.timeout(deadline_s):
            call = await self._ringing.get()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rings_s):
                    await call.cancelled.wait()
            if call.cancelled.is_set():
                raise CallCancelled("the caller gave up")
            return await self._answer(call)

    async def _answer(self, call: "_IncomingCall") -> Dialog:
        host, port = self.endpoint.address
        dialog = Dialog(self.endpoint, call.peer, call_id=call.invite.call_id)
        rtp = await _open_media(dialog, host)
        try:
            offer = AudioDescription.parse(call.invite.body)
            answer = offer.answer(host=host, port=rtp.port, supported=_CODECS)
        except SdpError as error:
            rtp.close()
            self.endpoint.respond(call.invite.response(488, to_tag=call.tag), call.peer)
            raise CallError("no audio in common") from error
        rtp.connect(
            (offer.host, offer.port), codec=answer.codecs[0], event_type=offer.telephone_event
        )
        response = call.invite.response(
            200,
            to_tag=call.tag,
            headers=[
                ("Contact", f"<sip:phone@{host}:{port}>"),
                ("Allow", _ALLOW),
                ("Content-Type", "application/sdp"),
            ],
            body=bytes(answer),
        )
        contact = call.invite.headers.get("Contact") or call.invite.headers.required("From")
        dialog.establish(
            local=NameAddr.parse(response.headers.required("To")),
            remote=NameAddr.parse(call.invite.headers.required("From")),
            remote_target=NameAddr.parse(contact).uri,
            route=call.invite.headers.get_all("Record-Route"),
        )
        dialog.invite, dialog.answer, dialog.answered_at = call.invite, response, time.monotonic()
        self._dialogs[dialog.call_id] = dialog
        rtp.start()
        await self.endpoint.respond_until_acknowledged(response, call.peer, call.acknowledged)
        return dialog

    # Requests coming in

    def _receive(self, request: SipRequest, peer: Address) -> None:
        dialog = self._dialogs.get(request.call_id)
        match request.method:
            case "ACK":
                if request.call_id in self._incoming:
                    self._incoming[request.call_id].acknowledged.set()
            case "INVITE" if dialog is not None:
                self._renegotiate(dialog, request, peer)
            case "INVITE":
                self._ring(request, peer)
            case "CANCEL":
                self._receive_cancel(request, peer)
            case "BYE":
                self.endpoint.respond(request.response(200 if dialog else 481), peer)
                if dialog is not None:
                    dialog.finish(CallEnd.REMOTE_HANGUP, cause=request.headers.get("Reason"))
            case "OPTIONS" | "INFO" | "NOTIFY":
                self.endpoint.respond(request.response(200, to_tag=new_tag()), peer)
            case _:
                refusal = request.response(405, to_tag=new_tag(), headers=[("Allow", _ALLOW)])
                self.endpoint.respond(refusal, peer)

    def _ring(self, invite: SipRequest, peer: Address) -> None:
        call = _IncomingCall(invite, peer)
        if self._refuses_with is not None:
            self.endpoint.respond(invite.response(self._refuses_with, to_tag=call.tag), peer)
            return
        self._incoming[invite.call_id] = call
        self.endpoint.respond(invite.response(180, to_tag=call.tag), peer)
        self._ringing.put_nowait(call)

    def _receive_cancel(self, cancel: SipRequest, peer: Address) -> None:
        call = self._incoming.get(cancel.call_id)
        if call is None or cancel.call_id in self._dialogs:
            self.endpoint.respond(cancel.response(481), peer)
            return
        self.endpoint.respond(cancel.response(200, to_tag=call.tag), peer)
        self.endpoint.respond(call.invite.response(487, to_tag=call.tag), peer)
        call.cancelled.set()

    def _renegotiate(self, dialog: Dialog, invite: SipRequest, peer: Address) -> None:
        """Answer a re-INVITE: its media may move to another port; ours stays where it is."""
        host, port = self.endpoint.address
        try:
            offer = AudioDescription.parse(invite.body)
            answer = offer.answer(host=host, port=dialog.rtp.port, supported=_CODECS)
        except SdpError:
            self.endpoint.respond(invite.response(488), peer)
            return
        dialog.rtp.connect(
            (offer.host, offer.port), codec=answer.codecs[0], event_type=offer.telephone_event
        )
        fields = [("Contact", f"<sip:phone@{host}:{port}>"), ("Content-Type", "application/sdp")]
        self.endpoint.respond(invite.response(200, headers=fields, body=bytes(answer)), peer)

    def _acknowledge_again(self, response: SipResponse) -> None:
        dialog = self._dialogs.get(response.call_id)
        if dialog is not None:
            dialog.acknowledge(sequence=int(response.headers.required("CSeq").split()[0]))

    def _spawn(self, coroutine: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class _IncomingCall:
    def __init__(self, invite: SipRequest, peer: Address) -> None:
        self.invite, self.peer, self.tag = invite, peer, new_tag()
        self.cancelled = asyncio.Event()
        self.acknowledged = asyncio.Event()


async def _open_media(dialog: Dialog, host: str) -> RtpSession:
    rtp = await RtpSession.open(
        host, next_frame=dialog.next_frame, on_frame=dialog.hear, on_digit=dialog.hear_digit
    )
    dialog.attach(rtp)
    return rtp
