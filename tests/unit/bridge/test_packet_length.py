"""A caller whose packets are longer than most is heard: the stream's buffer is one they fill."""

import pytest

from controlplane.bridge.calls.call_state import StreamState
from controlplane.bridge.calls.channel_events import codec_changed
from controlplane.bridge.calls.incoming_call import ptime_ms
from controlplane.bridge.calls.story import converse
from controlplane.contracts.channel_variables import ChannelVariable
from controlplane.contracts.media import stream_buffer_ms
from controlplane.esl.event import EslEvent
from tests.unit.bridge.one_call import OneCall

pytestmark = pytest.mark.unit


def packets(agreed: str, broken: str = "") -> EslEvent:
    return EslEvent(
        {ChannelVariable.PTIME.header: agreed, ChannelVariable.BROKEN_PTIME.header: broken}
    )


@pytest.mark.parametrize(("ptime", "buffer"), [(10, 40), (20, 40), (30, 20), (40, 40), (60, 20)])
def test_a_buffer_is_filled_or_there_is_none(ptime: int, buffer: int) -> None:
    assert stream_buffer_ms(ptime) == buffer


@pytest.mark.parametrize(
    ("event", "ptime"),
    [
        (packets("30"), 30),
        (packets("20", "Adv=20;Sent=60"), 60),
        (packets("0"), 20),
        (packets("", "Sent=x"), 20),
        (EslEvent({}), 20),
    ],
)
def test_what_was_found_out_counts_more_than_what_was_agreed_on(
    event: EslEvent, ptime: int
) -> None:
    assert ptime_ms(event) == ptime


def test_a_stream_that_would_be_deaf_gives_way_to_another() -> None:
    one = OneCall()
    one.connect_worker()
    one.switch.variable = "Adv=20;Sent=30"
    codec_changed(one.context, EslEvent({}))
    converse(one.context)
    assert one.call.stream is StreamState.DETACHED
    one.channel.start_stream("ws://worker:1/calls/x", ptime_ms=one.call.ptime_ms)
    assert f"{ChannelVariable.STREAM_BUFFER_SIZE}=20" in one.switch.commands[-2]


@pytest.mark.parametrize(("sent", "unfit"), [(10, False), (20, False), (30, True), (40, True)])
def test_only_packets_that_leave_a_gap_in_the_buffer_are_unfit(sent: int, *, unfit: bool) -> None:
    """One of 40 ms, too: half of it may be full."""
    one = OneCall()
    one.switch.variable = f"Adv=20;Sent={sent}"
    codec_changed(one.context, EslEvent({}))
    assert one.call.stream_unfit is unfit


def test_a_stream_without_a_buffer_takes_any_packet() -> None:
    one = OneCall()
    one.call.ptime_ms = one.call.streamed_ptime_ms = 30
    one.switch.variable = "Adv=30;Sent=20"
    codec_changed(one.context, EslEvent({}))
    assert not one.call.stream_unfit
