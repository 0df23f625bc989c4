"""A call talks over one Realtime session at a time, and over another when that is lost.

This is the only place of a call that knows which session that is, and whether there is one.
"""

from aiworker.realtime.client_events import ClientEvent
from aiworker.realtime.connection import RealtimeLink


class SessionLink:
    """It takes what a call sends to the present session; without one that is dropped.

    A session opened later is told what it must know, and nothing is sent late.
    """

    def __init__(self) -> None:
        self.current: RealtimeLink | None = None
        self.number = 0
        """It numbers the present session, or the last one; it is 0 before the first."""

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

    def give_up(self, reason: str) -> None:
        """Let the session be lost, and another be opened: this one is of no use."""
        if self.current is not None:
            self.current.give_up(reason)
