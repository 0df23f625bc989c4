"""No order is placed unless the caller heard it read back, and answered. Pure."""

from collections.abc import Callable

_ENOUGH = 0.5
"""Callers say "oui, c'est bon" before the end; before half of it they cannot know what to."""


class ReadBackHeard:
    """It knows what was heard of the last read-back of one call."""

    def __init__(self, heard_of: Callable[[str], tuple[int, int] | None]) -> None:
        """`heard_of` returns (heard, received) ms of an item that is still being spoken."""
        self._heard_of = heard_of
        self._revision: int | None = None
        self._response: str | None = None
        self._items: dict[str, tuple[int, int] | None] = {}
        """The response that reads it has these items; what was heard of each, once it is over."""
        self._answered = False

    def begin(self, revision: int) -> None:
        self._revision, self._response, self._items = revision, None, {}
        self._answered = False

    def speech_began(self, item: str, response: str) -> None:
        """Take the first response after `begin` for the read-back."""
        if self._revision is None or self._response not in (None, response):
            return
        self._response = response
        self._items.setdefault(item, None)

    def speech_over(self, item: str, heard_ms: int, received_ms: int) -> None:
        if item in self._items:
            self._items[item] = (heard_ms, received_ms)

    def caller_spoke(self) -> None:
        if self._items:
            self._answered = True

    def was_heard(self, revision: int) -> bool:
        if revision != self._revision or not self._items:
            return False
        spans = [over or self._heard_of(item) or (0, 1) for item, over in self._items.items()]
        heard, received = (sum(span[at] for span in spans) for at in (0, 1))
        return heard >= received * _ENOUGH

    def was_answered(self) -> bool:
        return self._answered
