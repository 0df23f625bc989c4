"""Bounds how many applications a channel has queued by `sendmsg`, to `MAX_OUTSTANDING`.

FreeSWITCH queues 256 a channel and answers one more by closing the whole connection, for every call
on it (switch_core_session.c, `switch_core_session_queue_private_event`; measured).
"""

from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

from gevent.event import AsyncResult

from controlplane.esl.errors import EslChannelGone, EslError, EslTimeout

MAX_OUTSTANDING = 32
"""One channel may have this many executions sent and not completed: an eighth of what FreeSWITCH
can hold."""


@dataclass(slots=True)
class _Channel:
    running: set[str] = field(default_factory=set)
    waiting: "deque[tuple[str, AsyncResult[None]]]" = field(default_factory=deque)


class Executions:
    """Hands out each channel's places; those who wait get theirs in the order they came."""

    def __init__(self) -> None:
        self._channels: dict[str, _Channel] = {}

    def outstanding(self, channel_uuid: str) -> int:
        channel = self._channels.get(channel_uuid)
        return len(channel.running) if channel else 0

    def take(self, channel_uuid: str, event_uuid: str, *, timeout_s: float) -> None:
        """Take a place for `event_uuid`, waiting until one is free.

        Raises EslTimeout, EslChannelGone when the channel ends first, or what `clear` was given.
        """
        channel = self._channels.setdefault(channel_uuid, _Channel())
        if len(channel.running) < MAX_OUTSTANDING and not channel.waiting:
            channel.running.add(event_uuid)
            return
        turn: AsyncResult[None] = AsyncResult()
        channel.waiting.append((event_uuid, turn))
        try:
            turn.wait(timeout_s)
            if not turn.ready():
                raise EslTimeout(
                    f"{MAX_OUTSTANDING} executions of this channel still run after {timeout_s:g} s"
                )
            turn.get()
        except BaseException:  # also when killed, or at the deadline of whoever called us
            self._give_up(channel_uuid, event_uuid, turn)
            raise

    def free(self, channel_uuid: str, event_uuid: str) -> None:
        """Give the place back: the execution completed, or was never accepted. Unknown ones are
        ignored.
        """
        channel = self._channels.get(channel_uuid)
        if channel is None or event_uuid not in channel.running:
            return
        channel.running.discard(event_uuid)
        self._advance(channel_uuid, channel)

    def running(self, channel_uuid: str) -> frozenset[str]:
        channel = self._channels.get(channel_uuid)
        return frozenset(channel.running) if channel else frozenset()

    def channel_gone(self, channel_uuid: str) -> None:
        channel = self._channels.pop(channel_uuid, None)
        if channel is not None:
            for _, turn in channel.waiting:
                turn.set_exception(EslChannelGone("-ERR channel ended"))

    def clear(self, failure: EslError) -> None:
        """Fail those who wait: the connection is gone, and nobody will tell us what completes."""
        channels, self._channels = self._channels, {}
        for channel in channels.values():
            for _, turn in channel.waiting:
                turn.set_exception(failure)

    def _advance(self, channel_uuid: str, channel: _Channel) -> None:
        while channel.waiting and len(channel.running) < MAX_OUTSTANDING:
            event_uuid, turn = channel.waiting.popleft()
            channel.running.add(event_uuid)
            turn.set(None)
        if not channel.running and self._channels.get(channel_uuid) is channel:
            del self._channels[channel_uuid]

    def _give_up(self, channel_uuid: str, event_uuid: str, turn: "AsyncResult[None]") -> None:
        channel = self._channels.get(channel_uuid)
        if channel is not None:
            with suppress(ValueError):
                channel.waiting.remove((event_uuid, turn))
        self.free(channel_uuid, event_uuid)  # in case the turn came as we gave up
