"""The life of one response after the other, whatever the server says or leaves unsaid. Pure.

One is in flight at a time: `response.create` waits for the end of the last. A response that was
interrupted or given up is dead: what it still sends is dropped, even if its id is not yet known.
The server has one at a time as well: the one that speaks is the one in flight. Times are seconds.
"""

from enum import StrEnum
from typing import Final

import structlog

from aiworker.realtime.response_state import DEADLINES, NEXT, Deadline, Remedy, ResponseState

_REMEMBERED: Final = 64
_ASKED_AGAIN: Final = 1
"""A second response in a row that gives nothing will be followed by a third."""
_NONE_IN_FLIGHT: Final = {ResponseState.IDLE, ResponseState.WANTED}
_HEARD_OF: Final = {ResponseState.CREATED, ResponseState.SPEAKING, ResponseState.WHOLE}

log = structlog.get_logger()


class Fate(StrEnum):
    """What is known of a response that is no longer in flight."""

    DEAD = "dead"
    """Nothing of it is to be heard."""
    DONE = "done"
    """The server said that it is over."""
    LEFT = "left"
    """It was taken for over; the server did not say so."""


class Ended(StrEnum):
    """What `response.done` ended."""

    NOTHING = "nothing"
    """It was known to be over, or was interrupted: its status is of no interest."""
    EMPTY = "empty"
    """The response in flight, which has given nothing."""
    ANSWERED = "answered"


class ResponseCycle:
    """It knows which response is in flight, where that stands, and whether another is wanted."""

    def __init__(self) -> None:
        self.state = ResponseState.IDLE
        self.active: str | None = None
        """The response in flight, once its id is known."""
        self.answered = False
        """The response in flight has given something: audio, or a function call."""
        self.requested_at = 0.0
        self.request_id = ""
        """`response.create` was last sent under this event id."""
        self._again = False
        """Another is wanted after the one in flight."""
        self._at = 0.0
        """The present state began, or was last confirmed, then."""
        self._not_before = 0.0
        self._requests = 0
        self._repeated = False
        """Nothing came back when the same was asked for before."""
        self._failures = 0
        self._fates: dict[str, Fate] = {}

    @property
    def wanted(self) -> bool:
        return self._again or self.state is ResponseState.WANTED

    @property
    def in_flight(self) -> bool:
        return self.state not in _NONE_IN_FLIGHT

    @property
    def alive(self) -> bool:
        """Say whether one is in flight of which more is to be heard."""
        return self.in_flight and self.state not in {
            ResponseState.CANCELLED,
            ResponseState.OCCUPIED,
        }

    # --- What this side wants ------------------------------------------------------------------

    def want(self, now: float, *, after_seconds: float = 0.0) -> None:
        """Have a response asked for, when the one in flight is over."""
        self._not_before = max(self._not_before, now + after_seconds)
        if self.state is ResponseState.IDLE:
            self._enter(ResponseState.WANTED, now)
        elif self.in_flight:
            self._again = True

    def ask(self, now: float) -> bool:
        """Say whether to send `response.create` now, with `request_id`."""
        if self.state is not ResponseState.WANTED or now < self._not_before:
            return False
        self._enter(ResponseState.REQUESTED, now)
        self._requests += 1
        self.request_id = f"response_{self._requests}"
        self.requested_at, self.active, self.answered = now, None, False
        return True

    def cancel(self, now: float) -> bool:
        """Interrupt the one in flight. Says whether to send `response.cancel`, for `active`."""
        if not self.alive:
            return False
        if self.active is not None:
            self._remember(self.active, Fate.DEAD)
        self._enter(ResponseState.CANCELLED, now)
        return True

    # --- What the server says ------------------------------------------------------------------

    def created(self, response: str, now: float) -> bool:
        """Note that the server began one. Says whether to cancel it at once."""
        if response in self._fates or response == self.active:
            return False
        if self._is_the_cancelled(response):
            return True
        if self.state in {ResponseState.SPEAKING, ResponseState.WHOLE, ResponseState.CANCELLED}:
            return False
        self.active = response
        self._enter(ResponseState.CREATED, now)
        return False

    def speaks(self, response: str, now: float) -> bool:
        """Note a piece of audio. Says whether the caller is to hear it."""
        if self._fates.get(response) in {Fate.DEAD, Fate.DONE}:
            return False
        if self._is_the_cancelled(response):
            return False
        self._take(response)
        self._enter(ResponseState.SPEAKING, now)
        return True

    def calls(self, response: str | None, now: float) -> bool:
        """Note a function call. Says whether it is to be made."""
        fate = None if response is None else self._fates.get(response)
        if fate is Fate.DONE:
            return True
        if fate is Fate.DEAD or (response is not None and self._is_the_cancelled(response)):
            return False
        if response is not None:
            self._take(response)
        self._enter(ResponseState.WHOLE, now)
        return True

    def item_over(self, response: str | None, now: float) -> None:
        """Note that the speech it was at is whole."""
        if self.state is ResponseState.SPEAKING and response in (None, self.active):
            self._enter(ResponseState.WHOLE, now)

    def done(self, response: str | None, now: float) -> Ended:
        """Note that a response is over; one this side never heard of counts too."""
        fate = None if response is None else self._fates.get(response)
        if fate is Fate.DONE or not self._is_in_flight(response, fate):
            if response is not None and fate is not Fate.DEAD:
                self._remember(response, Fate.DONE)
            return Ended.NOTHING
        alive, answered = self.alive, self.answered
        dead = fate is Fate.DEAD or not alive
        if response is not None:
            self._remember(response, Fate.DEAD if dead else Fate.DONE)
        if answered:
            self._failures = 0
        self._end(now)
        if dead:
            return Ended.NOTHING
        return Ended.ANSWERED if answered else Ended.EMPTY

    def occupied(self, now: float, request_id: str | None) -> None:
        """Note that one was refused because the server has another in flight."""
        if self.state is not ResponseState.REQUESTED or request_id not in (None, self.request_id):
            return
        if self._repeated:  # then that is what was asked for before
            self._enter(ResponseState.CREATED, now)
        else:
            self._again = True
            self._enter(ResponseState.OCCUPIED, now)

    def refused(self, now: float, request_id: str | None, *, after_seconds: float) -> bool:
        """Ask again for one that was refused. Says whether that may help."""
        if self.state is not ResponseState.REQUESTED or request_id != self.request_id:
            return True
        self._not_before = now + after_seconds
        self._end(now)
        self.want(now)
        return self._fail()

    def not_active(self, now: float) -> None:
        """Note that there was nothing to cancel: it is over."""
        if self.state is ResponseState.CANCELLED and self.active is not None:
            self._end(now)

    # --- Time passes ---------------------------------------------------------------------------

    def overdue(self, now: float, *, heard_until: float) -> Deadline | None:
        """Return the deadline that has passed. The caller hears something until `heard_until`."""
        deadline = DEADLINES.get(self.state)
        if deadline is None:
            return None
        began = self._at
        if self.state in {ResponseState.CREATED, ResponseState.SPEAKING}:
            began = max(began, heard_until)
        return deadline if now > began + deadline.seconds else None

    def mend(self, deadline: Deadline, now: float) -> bool:
        """Go on after a deadline. Returns whether the session is still worth it."""
        match deadline.remedy:
            case Remedy.LEAVE:
                return self._leave(now)
            case Remedy.CANCEL:
                self._enter(ResponseState.CANCELLED, now)
                return True
            case Remedy.CANCEL_AND_ASK:
                self.cancel(now)
                self._again = True
            case Remedy.ASK:
                self._end(now)
                self._repeated = True
                self.want(now)
        return self._fail()

    def _fail(self) -> bool:
        self._failures += 1
        return self._failures <= _ASKED_AGAIN

    # --- The machine ---------------------------------------------------------------------------

    def _enter(self, state: ResponseState, now: float) -> None:
        """Change state by the table; a mistake of ours is logged, never raised."""
        if state is not self.state and state not in NEXT[self.state]:
            log.error("response_state_refused", state=self.state.value, refused=state.value)
            return
        if self.state is ResponseState.WANTED and state in _HEARD_OF:
            self._again = True
        if state in _HEARD_OF:
            self._repeated = False
        if state in {ResponseState.SPEAKING, ResponseState.WHOLE}:
            self.answered = True
        self.state, self._at = state, now

    def _end(self, now: float) -> None:
        """Let nothing be in flight."""
        again, self._again = self._again, False
        self.active, self._repeated = None, False
        self._enter(ResponseState.IDLE, now)
        if again:
            self._enter(ResponseState.WANTED, now)

    def _leave(self, now: float) -> bool:
        """Take the one in flight for over. Returns whether the server was heard of it at all."""
        response = self.active
        if response is not None and response not in self._fates:
            self._remember(response, Fate.LEFT)
            self._failures = 0
        self._end(now)
        return response is not None or self._fail()

    def _take(self, response: str) -> None:
        """Take the response that gives something for the one in flight."""
        if self.active is not None and self.active != response:
            self._fates.setdefault(self.active, Fate.LEFT)
        if self.active != response:
            self.answered = False
        if self._fates.pop(response, None) is Fate.LEFT and self.state is ResponseState.REQUESTED:
            self._again = True  # the server has that one still, and refuses what was asked for
        self.active = response

    def _is_the_cancelled(self, response: str) -> bool:
        """Take the next response heard of for the one cancelled before its id was known."""
        if self.state is not ResponseState.CANCELLED or self.active is not None:
            return False
        self.active = response
        self._remember(response, Fate.DEAD)
        return True

    def _is_in_flight(self, response: str | None, fate: Fate | None) -> bool:
        if not self.in_flight:
            return False
        if response is None or self.active == response:
            return True
        return self.active is None and (fate is None or self.state is ResponseState.OCCUPIED)

    def _remember(self, response: str, fate: Fate) -> None:
        self._fates.pop(response, None)
        self._fates[response] = fate
        while len(self._fates) > _REMEMBERED:
            del self._fates[next(iter(self._fates))]
