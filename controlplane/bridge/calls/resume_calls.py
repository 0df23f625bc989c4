"""FreeSWITCH's calls are ours again after a restart of the agent, or of its connection."""

import json
import time
from uuid import UUID

import structlog

from controlplane.bridge.calls.call_state import CallState, GreetingState, StreamState
from controlplane.bridge.calls.channel import (
    AGENT_LOST,
    WAY_OUT_EXTENSIONS,
    Application,
    stream_attached,
)
from controlplane.bridge.calls.incoming_call import IncomingCall, NotOurCall
from controlplane.bridge.calls.switchboard import Switchboard
from controlplane.contracts.channel_variables import ChannelColumn, ChannelVariable
from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.esl.client import EslClient
from controlplane.esl.errors import EslCommandFailed, EslError, EslProtocolError
from controlplane.esl.event import EslEvent

log = structlog.get_logger()


def resume_calls(control: EslClient, switchboard: Switchboard) -> None:
    """Find the calls in FreeSWITCH, tell the stories we do not know, end those that are gone.

    Raises `EslError`.
    """
    rows = json.loads(control.api("show channels as json")).get("rows", [])
    up = {
        UUID(row[ChannelColumn.UUID]): row
        for row in rows
        if row.get(ChannelColumn.DIRECTION) == "inbound"
    }
    switchboard.forget_missing(set(up), switch=control.api("global_getvar core_uuid"))
    for channel_uuid, row in up.items():
        try:
            _resume(control, switchboard, channel_uuid, row)
        except EslCommandFailed:
            log.info("call_gone_meanwhile", channel_uuid=str(channel_uuid))
        except EslError:
            raise
        except Exception:  # one call's edge: those after it are callers as well
            log.exception("call_not_resumed", channel_uuid=str(channel_uuid))


def _resume(
    control: EslClient, switchboard: Switchboard, channel_uuid: UUID, row: dict[str, str]
) -> None:
    """Go on with one of them. Raises `EslError`; `EslCommandFailed` when it has just ended."""
    call = _found(control, switchboard, channel_uuid, row)
    if call is None:
        return
    if switchboard.resume(call):
        log.info("call_resumed", channel_uuid=str(channel_uuid), state=call.state.value)
    if row.get(ChannelColumn.EXTENSION) == AGENT_LOST:
        switchboard.take_back(channel_uuid)


def _found(
    control: EslClient, switchboard: Switchboard, channel_uuid: UUID, row: dict[str, str]
) -> IncomingCall | None:
    """Read from FreeSWITCH how the call stands; None when it is none of ours."""
    try:
        dump = EslEvent.parse(control.api(f"uuid_dump {channel_uuid} json"))
        call = switchboard.recognise(dump)
    except (EslCommandFailed, EslProtocolError, NotOurCall):
        return None  # hung up meanwhile, or not a restaurant's
    if dump.get("Answer-State") != "answered":
        return None  # its CHANNEL_ANSWER is to come, or never will
    call.created_at = time.monotonic() - _age_s(dump)
    call.attempt = int(time.time())  # no claim of the agent before is taken for one of ours
    call.state = _state(dump, row)
    lost = row.get(ChannelColumn.EXTENSION) == AGENT_LOST  # its CHANNEL_PARK is to come
    if dump.get(ChannelVariable.GREETING_ENDED.header) == "true" and not lost:
        call.greeting = GreetingState.OVER
    if row.get(ChannelColumn.APPLICATION) != Application.BRIDGE_LEGS:
        call.rang = dump.get(ChannelVariable.ORIGINATE_DISPOSITION.header) or None
    if stream_attached(control, str(channel_uuid)):
        call.stream = StreamState.ATTACHED
    call.outcome = _outcome_so_far(call)
    return call


def _state(dump: EslEvent, row: dict[str, str]) -> CallState:
    """Tell who has the caller; the way out rings a human too, and keeps who is not answered."""
    rings = row.get(ChannelColumn.APPLICATION) == Application.BRIDGE_LEGS
    if rings and dump.get(ChannelVariable.SIGNAL_BOND.header):
        return CallState.WITH_HUMAN
    if row.get(ChannelColumn.EXTENSION) in WAY_OUT_EXTENSIONS:
        return CallState.WAY_OUT
    return CallState.RINGING if rings else CallState.WITH_US


def _outcome_so_far(call: IncomingCall) -> CallOutcome:
    match call.state:
        case CallState.WITH_HUMAN:
            return CallOutcome.TRANSFERRED
        case CallState.WAY_OUT:
            return CallOutcome.UNSERVED
    return CallOutcome.INFORMATION if call.worker_id else CallOutcome.ABANDONED


def _age_s(dump: EslEvent) -> float:
    """How long the channel has been there: Caller-Channel-Created-Time is Unix microseconds."""
    created = dump.get("Caller-Channel-Created-Time") or ""
    return max(0.0, time.time() - int(created) / 1_000_000) if created.isdigit() else 0.0
