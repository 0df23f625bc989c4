"""How tests wait: for a condition, or, where time itself must pass, with the reason said.

Only this module sleeps; ruff refuses `time.sleep`, `gevent.sleep` and `asyncio.sleep` in every
other test. A name alone is for asyncio, `block_…` for a thread, `gevent_…` for a greenlet.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar, overload

import gevent

T = TypeVar("T")

DEADLINE_S: Final = 60.0
"""No machine is so loaded that a step of a test takes longer; only a failure ever waits for it."""
POLL_S: Final = 0.01
RAREST_POLL_S: Final = 0.05
LATE: Final = 0.05
"""Looks cost what others compute with: after a long wait this part of it more does not matter."""

Sleep = Callable[[float], None]


@overload
async def until(look: Callable[[], Awaitable[T | None]], *, deadline_s: float = ...) -> T: ...
@overload
async def until(look: Callable[[], T | None], *, deadline_s: float = ...) -> T: ...
async def until(look: Callable[[], object], *, deadline_s: float = DEADLINE_S) -> object:
    """Look again and again; the first true answer. Raises `AssertionError` after `deadline_s`."""
    began = time.monotonic()
    while not (seen := await _answer(look)):
        pause = _pause(began, deadline_s)
        await asyncio.sleep(pause)
    return seen


def block_until(look: Callable[[], T | None], *, deadline_s: float = DEADLINE_S) -> T:
    return _until(look, deadline_s, time.sleep)


def gevent_until(look: Callable[[], T | None], *, deadline_s: float = DEADLINE_S) -> T:
    return _until(look, deadline_s, gevent.sleep)


async def stays_true(look: Callable[[], object], *, for_s: float) -> None:
    """Give what must not happen `for_s` seconds to happen in; fail as soon as it does."""
    end = time.monotonic() + for_s
    while True:
        assert await _answer(look), "it did not stay true"
        if time.monotonic() >= end:
            return
        await asyncio.sleep(POLL_S)


def block_stays_true(look: Callable[[], object], *, for_s: float) -> None:
    _stays_true(look, for_s, time.sleep)


def gevent_stays_true(look: Callable[[], object], *, for_s: float) -> None:
    _stays_true(look, for_s, gevent.sleep)


async def elapse(seconds: float, *, because: str) -> None:
    """Let time pass where time is the subject: speech, an outage, a pace. `because` says which."""
    assert because
    await asyncio.sleep(seconds)


def block_elapse(seconds: float, *, because: str) -> None:
    assert because
    time.sleep(seconds)


def gevent_elapse(seconds: float, *, because: str) -> None:
    assert because
    gevent.sleep(seconds)


def outcome(greenlet: "gevent.Greenlet[Any, Any]") -> object:
    """What a greenlet returned or raised, once it has ended."""
    greenlet.join(DEADLINE_S)
    assert greenlet.dead
    return greenlet.value if greenlet.successful() else greenlet.exception


async def _answer(look: Callable[[], object]) -> object:
    seen = look()
    return await seen if inspect.isawaitable(seen) else seen


def _until(look: Callable[[], T | None], deadline_s: float, sleep: Sleep) -> T:
    began = time.monotonic()
    while not (seen := look()):
        sleep(_pause(began, deadline_s))
    return seen


def _pause(began: float, deadline_s: float) -> float:
    waited = time.monotonic() - began
    assert waited < deadline_s, "it did not happen in time"
    return min(max(POLL_S, waited * LATE), RAREST_POLL_S)


def _stays_true(look: Callable[[], object], for_s: float, sleep: Sleep) -> None:
    end = time.monotonic() + for_s
    while True:
        assert look(), "it did not stay true"
        if time.monotonic() >= end:
            return
        sleep(POLL_S)
