"""Whoever picks up for one caller makes nobody forget the phone that rings for another."""

import pytest

from controlplane.bridge.calls.call_state import CallState
from controlplane.bridge.calls.channel import HUMAN_RUNG_FOR
from controlplane.bridge.calls.channel_events import bridged
from controlplane.esl.event import EslEvent
from tests.unit.bridge.one_call import OneCall

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("state", [CallState.RINGING, CallState.WITH_US])
def test_only_this_callers_own_ringing_is_forgotten(state: CallState) -> None:
    """The third word is a condition: FreeSWITCH empties the variable only while it names this
    caller. Who was not rung for has none to forget.
    """
    one = OneCall()
    if state is CallState.RINGING:
        one.call.becomes(state)
    bridged(one.context, EslEvent({}))
    variable = f"{HUMAN_RUNG_FOR}{one.call.gateway_name}"
    forgotten = [command for command in one.switch.commands if "global_setvar" in command]
    own = f"global_setvar {variable}=={one.call.channel_uuid}"
    assert forgotten == ([own] if state is CallState.RINGING else [])
