"""Step 12 of a call: its facts go to the call events stream, and from there to Postgres.

The stream is written in the background: a call never waits for its record, and a Redis that is away
for a moment loses none of it (up to `MAX_UNSENT` facts).
"""

import time
from datetime import UTC, datetime
from typing import Final

import gevent
import gevent.queue
import redis
import structlog

from controlplane.bridge import metrics
from controlplane.bridge.calls.incoming_call import IncomingCall
from controlplane.contracts import redis_keys
from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.messages import (
    AgentConnected,
    CallArrived,
    CallEnded,
    CallEvent,
    DisclosurePlayed,
)
from controlplane.loop import run_loop

MAX_UNSENT: Final = 10_000
"""A full bridge makes as many in about an hour."""

log = structlog.get_logger()


class CallEventPublisher:
    """Writes call events to the stream, in order, one at a time."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client
        self._unsent: gevent.queue.Queue[str] = gevent.queue.Queue(MAX_UNSENT)
        """These events are JSON already: one that cannot be written holds up no other."""

    def publish(self, event: CallEvent) -> None:
        """Hand over one event; never blocks. It is dropped, and counted, when `MAX_UNSENT` wait, or
        when it cannot be written.
        """
        try:
            self._unsent.put_nowait(event.to_json())
        except (gevent.queue.Full, ValueError) as error:
            metrics.CALL_EVENTS_DROPPED.inc()
            log.error("call_event_dropped", reason=type(error).__name__)

    def run(self) -> None:
        """Send what comes, for as long as the process lives."""
        run_loop("call_events", self._send_next, every_s=0.0, failures=metrics.LOOP_FAILURES)

    def _send_next(self) -> None:
        """Wait for an event and send it; it is forgotten once Redis has it."""
        event = self._unsent.peek()
        self._redis.xadd(
            redis_keys.CALL_EVENTS,
            {"event": event},
            maxlen=redis_keys.MAX_CALL_EVENTS,
        )
        self._unsent.get_nowait()

    def flush(self, *, timeout_s: float) -> None:
        """Wait until everything is sent, at most `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while not self._unsent.empty() and time.monotonic() < deadline:
            gevent.sleep(0.02)


class CallRecord:
    """Publishes the facts of one call."""

    def __init__(self, call: IncomingCall, *, bridge_id: str, publisher: CallEventPublisher):
        self._call = call
        self._bridge_id = bridge_id
        self._publisher = publisher

    def arrived(self) -> None:
        """The bridge saw the call: its CHANNEL_ANSWER."""
        call = self._call
        self._publisher.publish(
            CallArrived(
                **self._heading(),
                bridge_id=self._bridge_id,
                channel_uuid=call.channel_uuid,
                sip_call_id=call.sip_call_id,
                caller_number=call.caller_number,
            )
        )

    def agent_connected(self, worker_id: str) -> None:
        """Publish that the stream to a worker is connected."""
        elapsed_s = time.monotonic() - self._call.created_at
        metrics.TIME_TO_AGENT.observe(elapsed_s)
        self._publisher.publish(
            AgentConnected(
                **self._heading(), worker_id=worker_id, time_to_agent_ms=round(elapsed_s * 1000)
            )
        )
        log.info("agent_connected", worker_id=worker_id, time_to_agent_ms=round(elapsed_s * 1000))

    def disclosure_played(self) -> None:
        """Publish that the greeting was heard to its end."""
        self._publisher.publish(DisclosurePlayed(**self._heading()))

    def ended(self, cause: str) -> None:
        """Publish that the channel is gone."""
        call = self._call
        duration_ms = round((time.monotonic() - call.created_at) * 1000)
        metrics.CALLS.labels(outcome=call.outcome).inc()
        self._publisher.publish(
            CallEnded(
                **self._heading(),
                hangup_cause=cause,
                outcome=call.outcome,
                duration_ms=duration_ms,
            )
        )
        log.info("call_ended", outcome=call.outcome, cause=cause, duration_ms=duration_ms)

    def lost(self) -> None:
        """Publish that FreeSWITCH stopped answering for this call."""
        self._call.outcome = CallOutcome.ERROR

    def _heading(self) -> "dict[str, object]":
        return {
            "id": new_id(),
            "call_id": self._call.call_id,
            "restaurant_id": self._call.restaurant_id,
            "at": datetime.now(UTC),
        }
