"""The profile `external`: it takes the carriers' INVITEs and sends the gateways' REGISTERs."""

import asyncio
import secrets
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Final
from urllib.parse import unquote

import structlog

from freeswitch.simulator.channel import Channel, sip_variables
from freeswitch.simulator.gateway_file import GatewaySettings
from freeswitch.simulator.gateways import NO_ANSWER_S, Gateway, registrar_of
from freeswitch.simulator.hangup import status_of
from freeswitch.simulator.session import Session
from freeswitch.simulator.switch import Switch
from freeswitch.telephone.dialog import CallEnd, Dialog
from freeswitch.telephone.digest import Challenge
from freeswitch.telephone.g711 import Codec
from freeswitch.telephone.rtp_session import Address, RtpSession
from freeswitch.telephone.sdp import AudioDescription, SdpError
from freeswitch.telephone.sip import (
    MAX_FORWARDS,
    SIP_VERSION,
    Headers,
    NameAddr,
    SipError,
    SipRequest,
    SipResponse,
    SipUri,
    new_branch,
    new_tag,
)
from freeswitch.telephone.sip_endpoint import T1_S, NoAnswer, SipEndpoint

USER_AGENT: Final = "AlloResto"
ALLOW: Final = "INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, INFO, UPDATE, NOTIFY"
RETRY_AFTER_S: Final = 300
"""FreeSWITCH tells carriers this when it is paused or full."""
NO_MATCHING_CHALLENGE: Final = 904
_CODECS: Final = (Codec.PCMA, Codec.PCMU)
_COMMON_FIELDS: Final = (("User-Agent", USER_AGENT), ("Allow", ALLOW))

_log = structlog.get_logger()


class UserAgent:
    """One SIP port, for INVITEs and for REGISTERs."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._calls: dict[str, _Call] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._endpoint: SipEndpoint | None = None

    async def open(self) -> None:
        """Bind the profile's address."""
        settings = self._switch.settings
        self._endpoint = await SipEndpoint.open(
            settings.sip_ip,
            port=settings.sip_port,
            on_request=self._receive,
            on_late_success=lambda _: None,
        )
        self._switch.sip_url = self.url

    async def close(self) -> None:
        """Hang up every call, then free the port."""
        for call in list(self._calls.values()):
            call.session.hangup("MANAGER_REQUEST")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=T1_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.endpoint.close()

    @property
    def endpoint(self) -> SipEndpoint:
        """Return the bound port."""
        assert self._endpoint is not None
        return self._endpoint

    @property
    def url(self) -> str:
        """Return the URL as `sofia status` shows it."""
        host, port = self.endpoint.address
        return f"sip:mod_sofia@{host}:{port}"

    # Registrations

    async def register(self, settings: GatewaySettings, expires_s: int) -> SipResponse:
        """Send one REGISTER, with digest when asked for. Raises `NoAnswer`, `OSError` (no such
        host).
        """
        address = await self._resolve(registrar_of(settings))
        host, port = self.endpoint.address
        user, realm = settings.get("username"), settings.get("proxy") or settings.get("realm")
        target = f"sip:{realm}"
        own = NameAddr(f"sip:{user}@{realm}")
        contact = f"<sip:gw+{settings.name}@{host}:{port};transport=udp;gw={settings.name}>"
        fields = [
            ("Max-Forwards", MAX_FORWARDS),
            ("From", str(own.with_tag(new_tag()))),
            ("To", str(own)),
            ("Call-ID", f"{settings.name}-{secrets.token_hex(4)}@{host}"),
            ("Contact", contact),
            ("Expires", str(expires_s)),
            *_COMMON_FIELDS,
        ]
        response = await self._send_register(target, fields, 1, address)
        challenge = response.headers.get("WWW-Authenticate")
        if response.status == 401 and challenge is not None:
            authorization = Challenge.parse(challenge).authorization(
                user=settings.get("auth-username") or user,
                password=settings.get("password"),
                method="REGISTER",
                uri=target,
            )
            fields.append(("Authorization", authorization))
            response = await self._send_register(target, fields, 2, address)
            if response.status == 401:
                # Sofia-SIP answers no second challenge with the same credentials: it ends the
                # request with a code of its own (nua_client.c, nua_client_check_restart).
                return replace(
                    response,
                    status=NO_MATCHING_CHALLENGE,
                    reason="Operation has no matching challenge",
                )
        return response

    async def _send_register(
        self, target: str, fields: list[tuple[str, str]], number: int, address: Address
    ) -> SipResponse:
        host, port = self.endpoint.address
        via = f"{SIP_VERSION}/UDP {host}:{port};rport;branch={new_branch()}"
        headers = Headers([("Via", via), *fields, ("CSeq", f"{number} REGISTER")])
        request = SipRequest("REGISTER", target, headers)
        return await self.endpoint.request(request, address, deadline_s=NO_ANSWER_S)

    async def _resolve(self, address: Address) -> Address:
        found = await asyncio.get_running_loop().getaddrinfo(*address, family=2)
        return str(found[0][4][0]), address[1]

    # Calls

    def _receive(self, request: SipRequest, peer: Address) -> None:
        call = self._calls.get(request.call_id)
        match request.method:
            case "ACK":
                if call is not None:
                    call.acknowledged.set()
            case "INVITE" if call is None:
                self._spawn(self._take(request, peer))
            case "BYE":
                self.endpoint.respond(request.response(200 if call else 481), peer)
                if call is not None:
                    call.acknowledged.set()  # an ACK lost on the way no longer matters
                    call.session.dialog.finish(CallEnd.REMOTE_HANGUP)
                    call.session.hangup("NORMAL_CLEARING")
            case "CANCEL":
                found = call is not None and not call.session.channel.answered_at
                self.endpoint.respond(request.response(200 if found else 481), peer)
                if call is not None and found:
                    call.session.hangup("ORIGINATOR_CANCEL")
            case "OPTIONS":
                self.endpoint.respond(self._readiness(request), peer)
            case "INFO" | "UPDATE" | "NOTIFY" | "MESSAGE":
                self.endpoint.respond(request.response(200, to_tag=new_tag()), peer)
            case _:
                self.endpoint.respond(request.response(405, to_tag=new_tag()), peer)

    def _readiness(self, request: SipRequest) -> SipResponse:
        """Return 503 while paused or full, for an INVITE and for OPTIONS alike."""
        switch = self._switch
        full = len(switch.sessions) >= switch.max_sessions
        if switch.paused_inbound or full:
            return request.response(
                503,
                to_tag=new_tag(),
                reason="Maximum Calls In Progress",
                headers=[*_COMMON_FIELDS, ("Retry-After", str(RETRY_AFTER_S))],
            )
        return request.response(200, to_tag=new_tag(), headers=_COMMON_FIELDS)

    async def _take(self, invite: SipRequest, peer: Address) -> None:
        readiness = self._readiness(invite)
        if readiness.status != 200:
            self.endpoint.respond(readiness, peer)
            return
        if not self._switch.networks.check(peer[0], "carriers"):
            forbidden = invite.response(403, to_tag=new_tag(), headers=_COMMON_FIELDS)
            self.endpoint.respond(forbidden, peer)
            return
        self.endpoint.send(invite.response(100, headers=_COMMON_FIELDS), peer)
        try:
            call = await self._incoming(invite, peer)
        except (SipError, SdpError):
            refusal = invite.response(488, to_tag=new_tag(), headers=_COMMON_FIELDS)
            self.endpoint.respond(refusal, peer)
            return
        session = call.session
        self._calls[invite.call_id] = call
        self._switch.sessions[session.channel.uuid] = session
        self._switch.sessions_total += 1
        session.channel.set("session_id", str(self._switch.sessions_total))
        try:
            await session.run(answer=lambda: self._answer(call))
        finally:
            del self._calls[invite.call_id]
            del self._switch.sessions[session.channel.uuid]
            self._switch.scheduler.cancel(session.channel.uuid)
        if not session.channel.answered_at:
            status = session.respond_status or status_of(session.channel.hangup_cause or "")
            refusal = invite.response(status, to_tag=call.tag, headers=_COMMON_FIELDS)
            self.endpoint.respond(refusal, peer)

    async def _incoming(self, invite: SipRequest, peer: Address) -> "_Call":
        sender = NameAddr.parse(invite.headers.required("From"))
        caller = SipUri.parse(sender.uri)
        asserted = invite.headers.get("P-Asserted-Identity")
        if asserted is not None:
            caller = SipUri.parse(NameAddr.parse(asserted).uri)
        channel = Channel(
            self._switch.bus,
            caller=caller,
            caller_name=unescape(sender.display_name),
            network=peer,
        )
        channel.hide_number = "id" in (invite.headers.get("Privacy") or "").split(";")
        channel.variables |= sip_variables(invite, peer, self.url)
        gateway = self._gateway(invite)
        channel.destination = SipUri.parse(invite.uri).user
        if gateway is not None:
            gateway.calls_in += 1
            channel.set("sip_gateway", gateway.name)
            channel.context = gateway.settings.get("context", "default")
            channel.destination = gateway.settings.get("extension") or channel.destination
            for name, value in gateway.settings.inbound_variables.items():
                channel.set(name, value)
        channel.set("endpoint_disposition", "RECEIVED")
        channel.set("switch_r_sdp", invite.body.decode("utf-8", "replace"))
        offer = AudioDescription.parse(invite.body)
        dialog = Dialog(self.endpoint, peer, call_id=invite.call_id)
        session = Session(self._switch.parts, channel, dialog)
        host = self.endpoint.address[0]
        rtp = await RtpSession.open(host, on_frame=session.hear, on_digit=session.hear_digit)
        dialog.attach(rtp)
        try:
            answer = offer.answer(host=host, port=rtp.port, supported=_allowed(channel))
        except SdpError:
            rtp.close()
            raise
        channel.codec_name = answer.codecs[0].name
        for name in ("read_codec", "write_codec"):
            channel.set(name, channel.codec_name)
        channel.set("local_media_port", str(rtp.port))
        channel.set("remote_media_ip", offer.host)
        channel.set("remote_media_port", str(offer.port))
        rtp.connect(
            (offer.host, offer.port), codec=answer.codecs[0], event_type=offer.telephone_event
        )
        return _Call(invite, peer, session, answer)

    def _gateway(self, invite: SipRequest) -> Gateway | None:
        """Find the gateway by `gw+NAME` first, else by the parameter `gw`; nothing else can name
        one.
        """
        uri = SipUri.parse(invite.uri)
        name = uri.user[3:] if uri.user.startswith("gw+") else uri.parameters.get("gw", "")
        return self._switch.gateways.get(name)

    def _answer(self, call: "_Call") -> None:
        response = call.invite.response(
            200,
            to_tag=call.tag,
            headers=[
                ("Contact", f"<{self.url}>"),
                *_COMMON_FIELDS,
                ("Content-Type", "application/sdp"),
            ],
            body=bytes(call.description),
        )
        contact = call.invite.headers.get("Contact") or call.invite.headers.required("From")
        call.session.dialog.establish(
            local=NameAddr.parse(response.headers.required("To")),
            remote=NameAddr.parse(call.invite.headers.required("From")),
            remote_target=NameAddr.parse(contact).uri,
            route=call.invite.headers.get_all("Record-Route"),
        )
        call.session.channel.set("sip_to_tag", call.tag)
        self._spawn(self._until_acknowledged(call, response))

    async def _until_acknowledged(self, call: "_Call", response: SipResponse) -> None:
        try:
            await self.endpoint.respond_until_acknowledged(response, call.peer, call.acknowledged)
        except NoAnswer:
            call.session.hangup("RECOVERY_ON_TIMER_EXPIRE")

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("call_failed", exc_info=task.exception())


class _Call:
    def __init__(
        self, invite: SipRequest, peer: Address, session: Session, description: AudioDescription
    ) -> None:
        self.invite, self.peer, self.session = invite, peer, session
        self.description = description
        self.tag = new_tag()
        self.acknowledged = asyncio.Event()


def unescape(display_name: str) -> str:
    """Decode the display name as FreeSWITCH URL-decodes it, line breaks included (a trap of the
    real one).
    """
    return unquote(display_name)


def _allowed(channel: Channel) -> tuple[Codec, ...]:
    """Return the codecs of `absolute_codec_string`, else the profile's."""
    names = (channel.variable("absolute_codec_string") or "").split(",")
    return tuple(codec for codec in _CODECS if names == [""] or codec.name in names)
