"""A loop of the controller: it outlives every failure of its turns, and stops when asked."""

from collections.abc import Callable
from typing import Final

import gevent
import structlog
from gevent.event import Event
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from controlplane.controller import metrics

RETRY_FIRST_S: Final = 0.2
RETRY_MOST_S: Final = 2.0
"""Postgres or Redis restarts within seconds, and only one or two controllers ask again."""

_logger = structlog.get_logger()


def run_loop(
    name: str,
    turn: Callable[[], object],
    *,
    every_s: float,
    stop: Event,
    wake: Event | None = None,
) -> None:
    """Take turns until `stop` is set, `every_s` apart, further apart while they fail.

    A set `wake` begins the next turn at once; the turn clears it.
    """
    retry_s = RETRY_FIRST_S
    while not stop.is_set():
        try:
            turn()
            pause_s, retry_s = every_s, RETRY_FIRST_S
            signals = [stop] if wake is None else [stop, wake]
        except Exception as error:  # the edge of a loop: nothing above could do better
            metrics.LOOP_FAILURES.labels(name).inc()
            expected = isinstance(error, RedisError | SQLAlchemyError | OSError)
            _logger.error(
                "loop_turn_failed", loop=name, error=type(error).__name__, exc_info=not expected
            )
            pause_s, retry_s = retry_s, min(retry_s * 2, RETRY_MOST_S)
            signals = [stop]
        gevent.wait(signals, timeout=pause_s, count=1)
