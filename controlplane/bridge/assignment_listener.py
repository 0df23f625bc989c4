"""The bridge's channel on Redis: whatever is heard there is a reason to look at Postgres, and so is
a time in which nothing could be heard.
"""

from collections.abc import Callable
from typing import Final

import redis
import structlog

from controlplane.bridge import metrics
from controlplane.contracts import redis_keys
from controlplane.contracts.assignments import BindingGivenBack, parse_assignment
from controlplane.contracts.messages import MessageError
from controlplane.loop import run_loop

LISTEN_S: Final = 5.0
"""Longest wait for one message. The connection's keep-alive notices a network that forgot it."""

log = structlog.get_logger()


class AssignmentListener:
    """Hears what controllers and other bridges tell this one."""

    def __init__(
        self,
        client: redis.Redis,
        *,
        bridge_id: str,
        given_back: Callable[[BindingGivenBack], None],
        look_soon: Callable[[], None],
    ) -> None:
        self._redis = client
        self._channel = redis_keys.bridge_assignments(bridge_id)
        self._given_back = given_back
        self._look_soon = look_soon

    def run(self) -> None:
        """Listen as long as the process lives, on a new subscription after each failure."""
        run_loop("assignments", self._listen, every_s=0.0, failures=metrics.LOOP_FAILURES)

    def _listen(self) -> None:
        """Listen until the subscription fails. Raises RedisError.

        redis-py connects and subscribes anew without a word when it can: only Redis's own word that
        it has subscribed us tells that there was a time in which nothing could be heard.
        """
        with self._redis.pubsub() as pubsub:  # type: ignore[no-untyped-call]  # redis-py's
            pubsub.subscribe(self._channel)
            while True:
                message = pubsub.get_message(timeout=LISTEN_S)
                if message and message["type"] == "message":
                    self._heard(message["data"])
                elif message:
                    self._look_soon()

    def _heard(self, body: str) -> None:
        try:
            assignment = parse_assignment(body)
        except MessageError as error:
            metrics.ASSIGNMENTS_UNREADABLE.inc()
            log.warning("assignment_unreadable", reason=str(error))
        else:
            if isinstance(assignment, BindingGivenBack):
                self._given_back(assignment)
        self._look_soon()
