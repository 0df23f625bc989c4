"""The Realtime session that a call talks over: one at a time, another when it is lost.

The only place of a call that knows which session that is, and whether there is one.
"""

from aiworker.realtime.client_events import ClientEvent
from aiworker.realtime.connection import RealtimeLink


class SessionLink:
    """What a call sends to goes to the present session; without one it is dropped.

    A session opened later is told what it must know, and nothing is sent late.
    """

    def __init__(self) -> None:
        self.current: RealtimeLink | None = None
        self.number = 0
        """Of the present session, or the last one; 0 before the first."""

    @property
    def is_open(self) -> bool:
        return self.current is not None

    def attach(self, link: RealtimeLink) -> None:
        self.current = link
        self.number += 1

    def detach(self) -> None:
        self.current = None

    def send(self, event: ClientEvent) -> None:
        if self.current is not None:
            self.current.send(event)
