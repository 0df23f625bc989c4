"""An event loop whose clock only moves when nothing is left to do: a minute takes milliseconds.

Nothing on it may wait for a real socket, thread or process. `time.monotonic` is the loop's clock
meanwhile, so code that reads it agrees with code that sleeps.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import pytest

_T = TypeVar("_T")

BEGAN: Final = 1_000.0


class _Selector(selectors.SelectSelector):
    """It lets time pass instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGAN

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout == 0:  # somebody is ready to run, and no socket is waited for
            return []
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everything waits, and nothing will ever happen")
        if not ready and timeout:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """It runs what is given to threads at once, in place."""

    def __init__(self) -> None:
        self.clock = _Selector()
        super().__init__(self.clock)

    def time(self) -> float:
        return self.clock.now

    def run_in_executor(  # type: ignore[override]  # the future is this loop's own
        self, executor: Any, func: Callable[..., _T], *args: Any
    ) -> "asyncio.Future[_T]":
        future: asyncio.Future[_T] = self.create_future()
        future.set_result(func(*args))
        return future


def run_in_virtual_time(work: Coroutine[Any, Any, _T]) -> _T:
    """Run to the end, and return what it returns."""
    loop = VirtualLoop()
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner(loop_factory=lambda: loop) as runner:
        patch.setattr("time.monotonic", loop.time)
        return runner.run(work)
