"""The bridge's channel on Redis: whatever is heard there is a reason to look at Postgres, and so is
a time in which nothing could be heard.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

import redis
import structlog
from redis.client import PubSub

from controlplane.bridge import metrics
from controlplane.contracts import redis_keys
from controlplane.contracts.assignments import (
    BindingGivenBack,
    CallAsked,
    Echo,
    parse_assignment,
)
from controlplane.contracts.messages import MessageError
from controlplane.errors import ServiceUnavailable
from controlplane.loop import run_loop

SILENCE_S: Final = 1.0
"""After a silence this long the bridge speaks to itself; after another one it subscribes anew. A
server that was demoted goes on serving its subscribers, who hear nothing more."""

log = structlog.get_logger()


class AssignmentListener:
    """Hears what controllers and other bridges tell this one."""

    def __init__(
        self,
        client: redis.Redis,
        *,
        bridge_id: str,
        given_back: Callable[[BindingGivenBack], None],
        call_asked: Callable[[UUID], None],
        look_soon: Callable[[], None],
    ) -> None:
        self._redis = client
        self._channel = redis_keys.bridge_assignments(bridge_id)
        self._given_back = given_back
        self._call_asked = call_asked
        self._look_soon = look_soon
        self._pubsub: PubSub | None = None
        self._echo_is_due = False

    def run(self) -> None:
        """Listen as long as the process lives, on a new subscription after each failure."""
        run_loop("assignments", self._turn, every_s=0.0, failures=metrics.LOOP_FAILURES)

    def _turn(self) -> None:
        """Hear one message, or a silence. Raises RedisError and `ServiceUnavailable`."""
        try:
            message = self._subscription().get_message(timeout=SILENCE_S)
            if message is None:
                self._speak_to_ourselves()
        except Exception:
            self._unsubscribe()
            raise
        if message is not None:
            self._echo_is_due = False
            self._take(message)

    def _subscription(self) -> PubSub:
        if self._pubsub is None:
            self._pubsub = self._redis.pubsub()  # type: ignore[no-untyped-call]  # redis-py's
            self._pubsub.subscribe(self._channel)
        return self._pubsub

    def _unsubscribe(self) -> None:
        if self._pubsub is not None:
            self._pubsub.close()
        self._pubsub, self._echo_is_due = None, False

    def _speak_to_ourselves(self) -> None:
        if self._echo_is_due:
            raise ServiceUnavailable("Redis does not pass on what is published")
        self._redis.publish(self._channel, Echo().to_json())
        self._echo_is_due = True

    def _take(self, message: Mapping[str, Any]) -> None:
        """Look after whatever is not our own echo.

        redis-py connects and subscribes anew without a word when it can: only Redis's own word that
        it has subscribed us tells that there was a time in which nothing could be heard.
        """
        if message["type"] == "message":
            self._heard(message["data"])
        else:
            self._look_soon()

    def _heard(self, body: str) -> None:
        try:
            assignment = parse_assignment(body)
        except MessageError as error:
            metrics.ASSIGNMENTS_UNREADABLE.inc()
            log.warning("assignment_unreadable", reason=str(error))
        else:
            if isinstance(assignment, Echo):
                return
            if isinstance(assignment, CallAsked):
                self._call_asked(assignment.call_id)
                return
            if isinstance(assignment, BindingGivenBack):
                self._given_back(assignment)
        self._look_soon()
