"""Prints what is said in the demo's calls, as the call events stream tells it."""

import threading
from collections.abc import Callable
from typing import Any, Final

from redis.exceptions import RedisError

from controlplane.contracts import redis_keys
from controlplane.contracts.messages import (
    AgentConnected,
    AnyCallEvent,
    CallEnded,
    MessageError,
    OrderPlaced,
    TurnEnded,
    parse_call_event,
)
from controlplane.local.launch.services import REDIS_DEADLINE_S
from controlplane.redis_clients import sync_redis

BLOCK_MS: Final = 200
SPEAKERS: Final = {"caller": "Client", "agent": "IA", "tool": "Outil"}


class LiveTranscript:
    """A thread that follows the stream from now on and keeps the events it saw."""

    def __init__(self, redis_url: str, *, show: Callable[[str], None] | None) -> None:
        self._redis = sync_redis(redis_url, timeout_s=REDIS_DEADLINE_S)
        self._show = show
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self.events: list[AnyCallEvent] = []

    def __enter__(self) -> "LiveTranscript":
        last = self._redis.xrevrange(redis_keys.CALL_EVENTS, count=1)
        self._position = last[0][0] if last else "0"
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(timeout=2)

    def _follow(self) -> None:
        while not self._ended.is_set():
            try:
                found: Any = self._redis.xread(
                    {redis_keys.CALL_EVENTS: str(self._position)}, block=BLOCK_MS, count=100
                )
            except RedisError:
                return
            for _, entries in found or ():
                for self._position, fields in entries:
                    self._take(fields["event"])

    def _take(self, body: str) -> None:
        try:
            event = parse_call_event(body)
        except MessageError:
            return
        self.events.append(event)
        if self._show and (line := describe(event)):
            self._show(line)


def describe(event: AnyCallEvent) -> str | None:
    """Return one line of French, None for what a reader does not need."""
    match event:
        case AgentConnected(time_to_agent_ms=elapsed):
            return f"  · IA au bout du fil en {elapsed} ms"
        case TurnEnded(role=role, text=text, tool_name=tool):
            return f"  {SPEAKERS[role]} : {f'[{tool}] ' if tool else ''}{text}"
        case OrderPlaced():
            return "  · commande enregistrée"
        case CallEnded(duration_ms=duration):
            return f"  · fin de l’appel après {duration / 1000:.1f} s".replace(".", ",")
        case _:
            return None
