"""Hands events to handlers: one channel's in order, every channel in a greenlet of its own.

A handler may sleep, send commands and wait for their replies: it delays its own channel only.
"""

from collections import deque
from collections.abc import Callable, Iterable

import structlog
from prometheus_client import Counter

from controlplane.esl.errors import EslChannelGone
from controlplane.esl.event import EslEvent
from controlplane.loop import spawn

Handler = Callable[[EslEvent], None]

MAX_QUEUED_PER_CHANNEL = 1_000
"""One channel may have this many events not handled yet; a whole call makes about 200 with its
chunks."""
MAX_QUEUED = 20_000
"""All channels may have this many events not handled yet, about 200 MB: with more, the bridge agent
is hopelessly late."""

_log = structlog.get_logger()
_dropped = Counter(
    "alloresto_esl_events_dropped", "Events dropped because a channel's queue was full", ["client"]
)


class Dispatcher:
    """Holds one client's handlers and the events that wait for them."""

    def __init__(self, *, name: str) -> None:
        self._name = name
        self._handlers: dict[str, tuple[Handler, ...]] = {}
        self._queues: dict[str, deque[EslEvent]] = {}
        self._queued = 0
        self.dropped = 0
        """Counts the events dropped since the start."""

    def on(self, event_name_or_subclass: str, handler: Handler) -> None:
        """Call `handler` for each such event, after the handlers registered before it."""
        known = self._handlers.get(event_name_or_subclass, ())
        if handler not in known:
            self._handlers[event_name_or_subclass] = (*known, handler)

    def put(self, event: EslEvent) -> None:
        """Queue `event` for its channel and return at once.

        A full queue drops its oldest event: the last ones say how the call ended.
        """
        if not self._handlers_of(event):
            return
        key = _ordering_key(event)
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = deque()
            spawn("esl_events", self._drain, key, queue)
        if len(queue) >= MAX_QUEUED_PER_CHANNEL or self._queued >= MAX_QUEUED:
            self._count_drop(event)
            if not queue:
                return
            queue.popleft()
            self._queued -= 1
        queue.append(event)
        self._queued += 1

    def discard(self) -> None:
        """Forget what is queued; handlers that run finish."""
        for queue in self._queues.values():
            self._queued -= len(queue)
            queue.clear()

    def _drain(self, key: str, queue: deque[EslEvent]) -> None:
        """Handle one channel's events. Its greenlet lives while there are some, so an idle channel
        costs none.
        """
        try:
            while queue:
                event = queue.popleft()
                self._queued -= 1
                self._handle(event, self._handlers_of(event))
        finally:
            del self._queues[key]
            self._queued -= len(queue)

    def _handle(self, event: EslEvent, handlers: Iterable[Handler]) -> None:
        for handler in handlers:
            try:
                handler(event)
            except EslChannelGone:
                # It ended while its event was handled: its hangup's own event says so.
                _log.debug(
                    "esl_channel_gone",
                    esl=self._name,
                    event_name=event.subclass or event.name,
                    channel_uuid=event.channel_uuid,
                )
            except Exception:  # noqa: BLE001  # the edge of a handler, logged
                _log.exception(
                    "esl_handler_failed",
                    esl=self._name,
                    event_name=event.subclass or event.name,
                    channel_uuid=event.channel_uuid,
                )

    def _handlers_of(self, event: EslEvent) -> tuple[Handler, ...]:
        by_name = self._handlers.get(event.name, ())
        return by_name + self._handlers.get(event.subclass, ()) if event.subclass else by_name

    def _count_drop(self, event: EslEvent) -> None:
        self.dropped += 1
        _dropped.labels(self._name).inc()
        if self.dropped & (self.dropped - 1) == 0:  # 1st, 2nd, 4th, 8th…: a flood stays readable
            _log.error(
                "esl_events_dropped",
                esl=self._name,
                channel_uuid=event.channel_uuid,
                dropped=self.dropped,
            )


def _ordering_key(event: EslEvent) -> str:
    """Name what must stay in order: a channel's events, a gateway's, else those of one name."""
    return event.channel_uuid or event.get("Gateway") or event.subclass or event.name
