"""Redis keys and channel variables are named in one place, and differ from one another."""

import re
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from controlplane.bridge.calls.channel import stream_settings
from controlplane.contracts import redis_keys
from controlplane.contracts.channel_variables import ChannelVariable
from controlplane.contracts.hangup_causes import HangupCause
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.media import (
    CHUNK_MS,
    FRAME_MS,
    QUEUED_AHEAD_MS,
    STREAM_BUFFER_MS,
    whole_frames_ms,
)

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]
SOURCES = [
    path
    for folder in ("controlplane", "aiworker", "webapp")
    for path in (ROOT / folder).rglob("*.py")
]

BY_UUID: list[Callable[[UUID], str]] = [
    redis_keys.call_offer,
    redis_keys.call_claim,
    redis_keys.call_state,
    redis_keys.restaurant_config,
]
BY_NODE: list[Callable[[str], str]] = [
    redis_keys.worker_offers,
    redis_keys.worker_heartbeat,
    redis_keys.bridge_heartbeat,
    redis_keys.bridge_assignments,
]
FIXED = [
    redis_keys.QUEUE_INCOMING_CALLS,
    redis_keys.CALLS_DEMAND,
    redis_keys.CALL_EVENTS,
    redis_keys.CALL_EVENTS_DEAD,
]


def test_no_two_things_share_a_key() -> None:
    one, two = uuid4(), uuid4()
    keys = [
        *FIXED,
        *(key(owner) for key in BY_UUID for owner in (one, two)),
        *(key(owner) for key in BY_NODE for owner in ("node-1", "node-2")),
    ]
    assert len(set(keys)) == len(keys)
    assert all(re.fullmatch(r"[a-z_]+(:[\w\-]+)+", key) for key in keys)


def test_nothing_else_spells_a_key() -> None:
    """`call:…`, `worker:…` and the rest are written by `redis_keys` alone."""
    spelt = re.compile(
        r'"(queue:|calls:demand|stream:call|call:\{|worker:\{|bridge:\{|restaurant:\{)',
        re.IGNORECASE,
    )
    assert len(SOURCES) > 60
    found = [path for path in SOURCES if spelt.search(path.read_text(encoding="utf-8"))]
    assert found == [ROOT / "controlplane" / "contracts" / "redis_keys.py"]


def test_an_event_carries_a_variable_under_its_own_header() -> None:
    assert ChannelVariable.RESTAURANT_ID.header == "variable_alloresto_restaurant_id"
    assert len({variable.header for variable in ChannelVariable}) == len(ChannelVariable)


def test_every_variable_of_the_stream_module_is_set() -> None:
    """It reads unset ones uninitialised."""
    of_the_module = {v for v in ChannelVariable if v.value.startswith("STREAM_")}
    settings = stream_settings(FRAME_MS)
    assert set(settings) == of_the_module
    assert all(value and not set(value) & set("; '\"") for value in settings.values())


def test_hangup_causes_are_spelt_as_freeswitch_does() -> None:
    assert all(cause.name == cause.value for cause in HangupCause)


def test_lengths_of_audio_are_whole_frames() -> None:
    assert all(ms % FRAME_MS == 0 for ms in (STREAM_BUFFER_MS, CHUNK_MS, QUEUED_AHEAD_MS))
    assert [whole_frames_ms(ms) for ms in (0, 1, 19, 20, 21, 100)] == [0, 20, 20, 20, 40, 100]


def test_ids_sort_by_the_time_they_were_made() -> None:
    ids = [new_id() for _ in range(200)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert {(made.version, made.variant) for made in ids} == {(7, "specified in RFC 4122")}
