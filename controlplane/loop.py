"""The greenlets of a gevent process: a loop outlives every failure of its turns, and stops when
asked; whatever else runs beside is started by `spawn`, which loses no failure.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Final

import gevent
import structlog
from gevent.event import Event
from prometheus_client import Counter
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from controlplane.errors import AlloRestoError

RETRY_FIRST_S: Final = 0.2
RETRY_MOST_S: Final = 2.0
"""Postgres, Redis and FreeSWITCH restart within seconds; one process asks again, not a fleet."""
EXPECTED: Final = (RedisError, SQLAlchemyError, AlloRestoError, OSError)
"""A turn raises these because something else is away: the log gets one line, without a traceback.
"""

GREENLET_FAILURES: Final = Counter(
    "alloresto_greenlet_failures_total", "Greenlets that ended by a failure.", ["greenlet"]
)

_logger = structlog.get_logger()


def log_failed_greenlets() -> None:
    """Have gevent write what ends a greenlet to our log, not its traceback and arguments as they
    are.
    """

    def log_failure(
        _context: object,
        kind: type[BaseException] | None,
        error: BaseException | str | None,
        _trace: TracebackType | None,
    ) -> None:
        shown = error if isinstance(error, BaseException) else None
        _logger.error("greenlet_failed", error=kind and kind.__name__, exc_info=shown)

    gevent.get_hub().print_exception = log_failure  # type: ignore[assignment,method-assign]


def spawn(
    name: str,
    work: Callable[..., object],
    *arguments: object,
    after_s: float = 0.0,
    failed: Callable[[], object] | None = None,
) -> "gevent.Greenlet[..., object]":
    """Do that once, in a greenlet of its own, `after_s` seconds from now.

    What it raises is counted and logged, and `failed` is called: nobody else waits for it.
    """

    def run() -> None:
        try:
            work(*arguments)
        except (Exception, gevent.Timeout):  # the greenlet's edge
            GREENLET_FAILURES.labels(name).inc()
            _logger.exception("greenlet_failed", greenlet=name)
            if failed is not None:
                failed()

    return gevent.spawn_later(after_s, run) if after_s else gevent.spawn(run)


def run_loop(
    name: str,
    turn: Callable[[], object],
    *,
    every_s: float | Callable[[], float],
    failures: Counter,
    stop: Event | None = None,
    wake: Event | None = None,
) -> None:
    """Take turns until `stop` is set, `every_s` apart (asked after each), further apart while they
    fail.

    A set `wake` begins the next turn at once, unless the last one failed; the turn clears it.
    `failures` counts the failed turns, labelled with `name`.
    """
    retry_s = RETRY_FIRST_S
    stop = stop or Event()
    while not stop.is_set():
        try:
            turn()
            pause_s = every_s() if callable(every_s) else every_s
            retry_s = RETRY_FIRST_S
            signals = [stop] if wake is None else [stop, wake]
        except (Exception, gevent.Timeout) as error:  # the edge: nothing above could do better
            failures.labels(name).inc()
            _logger.error(
                "loop_turn_failed",
                loop=name,
                error=type(error).__name__,
                exc_info=not isinstance(error, EXPECTED),
            )
            pause_s, retry_s = retry_s, min(retry_s * 2, RETRY_MOST_S)
            signals = [stop]
        gevent.wait(signals, timeout=pause_s, count=1)
