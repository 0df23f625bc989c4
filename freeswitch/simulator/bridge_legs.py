"""FreeSWITCH's application `bridge`: rings another telephone and connects the caller with it.

The second leg is a telephone of this process (`phone.py`), so it comes from a SIP port of its own.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import Mapping
from typing import Final

from freeswitch.simulator.channel import Channel, ChannelState
from freeswitch.simulator.dialplan import expand
from freeswitch.simulator.events import microseconds
from freeswitch.simulator.hangup import DIAL_STATUS, cause_of
from freeswitch.simulator.session import Session
from freeswitch.telephone.dialog import Dialog
from freeswitch.telephone.g711 import FRAME_L16_BYTES
from freeswitch.telephone.phone import CallError, CallRefused, CallTimedOut, Phone
from freeswitch.telephone.rtp_session import ReceivedFrame
from freeswitch.telephone.sip import SipUri
from freeswitch.telephone.sound_file import SoundNotFound, read_sound

DEFAULT_RING_S: Final = 60.0
"""A telephone rings this long when the dial string sets no timeout (`originate_timeout`)."""
_DIRECT = re.compile(r"sofia/(?P<profile>[\w.\-]+)/(?P<uri>[^\s/]+@[^\s/]+)")
_GATEWAY = re.compile(r"sofia/gateway/(?P<gateway>[\w.\-]+)/(?P<number>\+?\w+)")


async def bridge_legs(session: Session, dial_string: str) -> None:
    """Ring and connect; when nobody takes the call, return with `originate_disposition` set."""
    channel = session.channel
    options, dial_string = _options(dial_string)
    target = _target(session, dial_string)
    if target is None:
        _fail(session, "DESTINATION_OUT_OF_ORDER")
        return
    stop_stream = channel.variable("api_on_pre_originate") or ""
    if "uuid_audio_stream" in stop_stream and session.stream is not None:
        stream, session.stream = session.stream, None
        await stream.stop()
    leg = Channel(
        session.parts.bus,
        caller=channel.caller,
        caller_name=channel.caller_name,
        network=(target.host, target.port),
        direction="outbound",
    )
    leg.name = f"sofia/external/{target.user}@{target.host}:{target.port}"
    leg.destination = target.user
    leg.other_leg, channel.other_leg = channel.uuid, leg.uuid
    leg.variables["call_uuid"] = channel.uuid
    leg.fire("CHANNEL_OUTGOING")
    leg.fire("CHANNEL_CREATE")
    leg.fire("CHANNEL_ORIGINATE")
    async with Phone(host=session.parts.settings.sip_ip) as phone:
        try:
            dialog = await _ring(session, phone, target, options)
        except CallError as error:
            cause = _cause(error, leg_timeout="leg_timeout" in options)
            _end_leg(leg, cause)
            channel.other_leg = None
            _fail(session, cause)
            return
        if dialog is None:
            _end_leg(leg, "ORIGINATOR_CANCEL")
            return
        leg.answered_at, leg.answer_state = microseconds(), "answered"
        leg.fire("CHANNEL_ANSWER")
        if failure := await _confirm(session, dialog, options):
            await dialog.hangup()
            _end_leg(leg, failure)
            channel.other_leg = None
            _fail(session, failure)
            return
        await _connect(session, leg, dialog)


async def _ring(
    session: Session, phone: Phone, target: SipUri, options: Mapping[str, str]
) -> Dialog | None:
    """Return the answered call; None when the caller hung up or was taken elsewhere meanwhile."""
    channel = session.channel
    timeout_text = options.get("leg_timeout") or channel.variable("call_timeout") or ""
    calling = asyncio.create_task(
        phone.call(
            str(target),
            from_number=channel.variable("effective_caller_id_number") or channel.caller.user,
            display_name=channel.variable("effective_caller_id_name") or channel.caller_name,
            deadline_s=float(timeout_text) if timeout_text.isdigit() else DEFAULT_RING_S,
        )
    )
    tone = _RingBack(session)
    while not calling.done() and session.ready:
        if await session.tick():
            tone.write_frame()
    if not calling.done():
        calling.cancel()
        with contextlib.suppress(asyncio.CancelledError, CallError):
            await calling
        return None
    return await calling


class _RingBack:
    """Plays what the caller hears meanwhile."""

    def __init__(self, session: Session) -> None:
        self._rtp, self._position = session.dialog.rtp, 0
        variable = session.channel.variable
        script = variable("transfer_ringback") or variable("ringback") or ""
        if script.startswith("%"):
            script = f"tone_stream://{script}"
        try:
            tone = read_sound(script) if script else b""
        except SoundNotFound:
            tone = b""
        self._tone = tone[: len(tone) // FRAME_L16_BYTES * FRAME_L16_BYTES]

    def write_frame(self) -> None:
        if not self._tone:
            self._rtp.skip()
            return
        self._rtp.write(self._tone[self._position : self._position + FRAME_L16_BYTES])
        self._position = (self._position + FRAME_L16_BYTES) % len(self._tone)


async def _confirm(session: Session, dialog: Dialog, options: Mapping[str, str]) -> str | None:
    """Play a prompt and wait for the key `group_confirm_key`; return a cause when nobody pressed it
    in time.
    """
    key = options.get("group_confirm_key")
    if key is None:
        return None
    deadline = time.monotonic() + int(options.get("group_confirm_timeout", "60")) + 1
    tone = _RingBack(session)
    dialog.play(read_sound(options["group_confirm_file"]))
    while session.ready and not dialog.ended.is_set():
        if await session.tick():
            tone.write_frame()
        if any(digit == key for _, digit in dialog.digits):
            return None
        if time.monotonic() > deadline:
            return "ALLOTTED_TIMEOUT"
    return "NORMAL_CLEARING" if session.ready else "ORIGINATOR_CANCEL"


def _options(dial_string: str) -> tuple[dict[str, str], str]:
    """Split off the `{name=value,…}` and `[name=value,…]` that stand before the dial string."""
    options: dict[str, str] = {}
    while match := re.match(r"[{\[]([^}\]]*)[}\]]", dial_string):
        pairs = (pair.partition("=") for pair in match[1].split(","))
        options |= {name: value for name, _, value in pairs}
        dial_string = dial_string[match.end() :]
    return options, dial_string


async def _connect(session: Session, leg: Channel, dialog: Dialog) -> None:
    channel = session.channel
    sides = {"Bridge-A-Unique-ID": channel.uuid, "Bridge-B-Unique-ID": leg.uuid}
    channel.set("originate_disposition", "SUCCESS")
    channel.set("DIALSTATUS", "SUCCESS")
    channel.set("bridge_uuid", leg.uuid)
    channel.set("signal_bond", leg.uuid)
    if application := channel.variable("bridge_pre_execute_aleg_app"):
        # Without events of its own: `show channels` goes on saying `bridge`.
        data = channel.variable("bridge_pre_execute_aleg_data") or ""
        await session.parts.applications[application](session, expand(data, session.variable))
    channel.fire("CHANNEL_BRIDGE", sides)

    def to_leg(frame: ReceivedFrame) -> None:
        with contextlib.suppress(ValueError):  # the other side has just hung up
            dialog.play(frame.l16)

    session.frame_taps.append(to_leg)
    dialog.on_frame(lambda frame: session.dialog.rtp.write(frame.l16))
    try:
        while session.ready and not dialog.ended.is_set():
            await session.tick()
    finally:
        session.frame_taps.remove(to_leg)
    cause = channel.hangup_cause or "NORMAL_CLEARING"
    await dialog.hangup()
    _end_leg(leg, cause)
    channel.set("signal_bond", None)
    channel.set("bridge_hangup_cause", cause)
    channel.set("last_bridge_hangup_cause", cause)
    channel.fire("CHANNEL_UNBRIDGE", sides)
    channel.other_leg = None
    if session.ready and channel.variable("hangup_after_bridge") == "true":
        session.hangup(cause)


def _target(session: Session, dial_string: str) -> SipUri | None:
    if match := _DIRECT.fullmatch(dial_string):
        return SipUri.parse(f"sip:{match['uri']}")
    if match := _GATEWAY.fullmatch(dial_string):
        gateway = session.parts.gateways.get(match["gateway"])
        if gateway is not None:
            host, port = gateway.registrar
            return SipUri(match["number"], host, port)
    return None


def _cause(error: CallError, *, leg_timeout: bool) -> str:
    if isinstance(error, CallRefused):
        return cause_of(error.status)
    if isinstance(error, CallTimedOut):
        return "ALLOTTED_TIMEOUT" if leg_timeout else "NO_ANSWER"
    return "NORMAL_TEMPORARY_FAILURE"


def _fail(session: Session, cause: str) -> None:
    channel = session.channel
    channel.set("originate_disposition", cause)
    channel.set("originate_failed_cause", cause)
    channel.set("last_bridge_hangup_cause", cause)
    channel.set("DIALSTATUS", DIAL_STATUS.get(cause, "UNAVAILABLE"))
    if session.ready and channel.variable("continue_on_fail") != "true":
        session.hangup(cause)


def _end_leg(leg: Channel, cause: str) -> None:
    leg.hangup_cause, leg.answer_state, leg.hung_up_at = cause, "hangup", microseconds()
    leg.fire("CHANNEL_HANGUP")
    leg.set("hangup_cause", cause)
    leg.state, leg.call_state = ChannelState.REPORTING, "HANGUP"
    leg.fire("CHANNEL_HANGUP_COMPLETE")
    leg.state = ChannelState.DESTROY
    leg.fire("CHANNEL_DESTROY")
