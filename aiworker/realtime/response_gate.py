"""One response is in flight at a time: `response.create` waits for the end of the last. Pure.

A response that was interrupted is dead: what it still sends is dropped, even if its id is not yet
known.
"""

from typing import Final

_DEAD_REMEMBERED: Final = 32


class ResponseGate:
    """It knows which response is in flight, and whether another is wanted. Times are seconds."""

    def __init__(self) -> None:
        self.wanted = False
        self.requested_at: float | None = None
        """The response in flight was asked for then; None when none is."""
        self.answered = False
        """The response in flight has given something: audio, or a function call."""
        self.active: str | None = None
        self._kill_next = False
        self._dead: list[str] = []

    @property
    def in_flight(self) -> bool:
        return self.requested_at is not None

    @property
    def alive(self) -> bool:
        """Say whether one is in flight that was not interrupted."""
        return self.in_flight and not self._kill_next and (self.active or "") not in self._dead

    @property
    def waiting_since(self) -> float | None:
        """Say when the response was asked for that lives and has given nothing yet."""
        return self.requested_at if self.alive and not self.answered else None

    def take(self, now: float) -> bool:
        """Return whether to send `response.create` now."""
        if not self.wanted or self.in_flight:
            return False
        self.wanted, self.requested_at, self.answered = False, now, False
        return True

    def created(self, response: str, now: float) -> str | None:
        """Note that the server began one. Returns its id when it is to be cancelled at once."""
        self.active = response
        self.requested_at = self.requested_at or now
        if not self._kill_next:
            return None
        self._kill_next = False
        self._bury(response)
        return response

    def done(self, response: str | None) -> None:
        """Note that the response is over; one this side never heard of counts too."""
        if response is not None and self.active not in (None, response):
            return
        self.active, self.requested_at, self._kill_next = None, None, False

    def refused(self, now: float) -> None:
        """Wait for the end of one that the server has in flight and this side does not know of."""
        self.wanted, self.requested_at = True, now

    def kill(self) -> str | None:
        """Interrupt what is in flight. Returns the id to cancel, when one is active."""
        if not self.in_flight:
            return None
        if self.active is None:
            self._kill_next = True
            return None
        if self.is_dead(self.active):
            return None
        self._bury(self.active)
        return self.active

    def is_dead(self, response: str) -> bool:
        return response in self._dead

    def _bury(self, response: str) -> None:
        self._dead.append(response)
        del self._dead[:-_DEAD_REMEMBERED]
