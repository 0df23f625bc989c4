"""How the worker repeats a thing for as long as it lives: one failure never ends the repeating."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from aiworker.metrics import ERRORS

log = structlog.get_logger()

_AFTER_FAILURE_SECONDS: Final = 0.5
"""A step that fails at once must not take the processor from the calls."""


async def repeat(
    step: Callable[[], Awaitable[None]],
    *,
    name: str,
    every_seconds: float = 0.0,
    until: asyncio.Event | None = None,
) -> None:
    """Run `step`, wait, run it again: until `until` is set, or cancelled.

    A step deals with the failures it knows. Any other is logged with its traceback and counted, and
    the next step has its chance.
    """
    while until is None or not until.is_set():
        pause = every_seconds
        try:
            await step()
        except Exception:  # the edge of a loop, which must not end in silence
            ERRORS.labels(kind="loop").inc()
            log.exception("loop_step_failed", loop=name)
            pause = max(pause, _AFTER_FAILURE_SECONDS)
        end_if_cancelled()
        await asyncio.sleep(pause)


def end_if_cancelled() -> None:
    """Raise `CancelledError` if this task was cancelled and what it awaited did not pass it on.

    A database's client may make a failure of it. `asyncio.wait_for`, with which redis-py sends,
    loses one that comes in the moment in which it is done (bpo-42130, before Python 3.12).
    """
    if (this := asyncio.current_task()) is not None and this.cancelling():
        raise asyncio.CancelledError
