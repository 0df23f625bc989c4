"""How the worker supervises what runs beside: one failure never ends a loop, none is lost.

Every task of the worker is started by `start`, or by a `TaskGroup` that awaits it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Final, TypeVar

import structlog

from aiworker.metrics import ERRORS

log = structlog.get_logger()

_AFTER_FAILURE_SECONDS: Final = 0.5
"""A step that fails at once must not take the processor from the calls."""

_T = TypeVar("_T")


def start(work: Coroutine[Any, Any, _T], *, name: str) -> "asyncio.Task[_T]":
    """Start a task that ends by itself. Its failure is counted and logged, whoever awaits it."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_tell_failure)
    return task


def _tell_failure(task: "asyncio.Task[Any]") -> None:
    if task.cancelled() or (error := task.exception()) is None:
        return
    ERRORS.labels(kind="task").inc()
    log.error("task_failed", task=task.get_name(), exc_info=error)


class OneByOne:
    """It lets the failure of one event end with that event: `with` it around each of them.

    A failure is counted under `kind`; the 1st, 2nd, 4th, 8th… is logged with its traceback, for
    there may be fifty events a second. What `lets_through` names goes up: it ends the loop.
    """

    def __init__(self, kind: str, *, lets_through: type[Exception]) -> None:
        self._kind, self._lets_through = kind, lets_through
        self._failures = 0

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception) or isinstance(error, self._lets_through):
            return False
        self._failures += 1
        ERRORS.labels(kind=self._kind).inc()
        if self._failures & (self._failures - 1) == 0:
            log.error("event_failed", kind=self._kind, failures=self._failures, exc_info=error)
        return True


async def repeat(
    step: Callable[[], Awaitable[None]],
    *,
    name: str,
    every_seconds: float = 0.0,
    until: asyncio.Event | None = None,
    ends_with: tuple[type[Exception], ...] = (),
) -> None:
    """Run `step`, wait, run it again: until `until` is set, or cancelled.

    A step deals with the failures it knows. Any other is logged with its traceback and counted, and
    the next step has its chance; one of `ends_with` goes up, for it ends the loop.
    """
    while until is None or not until.is_set():
        pause = every_seconds
        try:
            await step()
        except ends_with:
            raise
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
