"""Where a call stands decides what may be said and who listens. It does no I/O."""

import asyncio
from enum import StrEnum


class CallPhase(StrEnum):
    """A call goes down this list; only a human whom nobody reached gives it back."""

    GREETING = "greeting"
    """The dialplan greets: nothing is said over it."""
    TALKING = "talking"
    WITH_HUMAN = "with_human"
    """A human rings, or has the call."""
    OVER = "over"
    """The bridge was asked to end it."""


class CallProgress:
    """It holds one call's phase, and lets others wait for it."""

    def __init__(self) -> None:
        self.phase = CallPhase.GREETING
        self.on_hold = False
        """The caller's telephone neither listens nor lets its caller speak."""
        self._talking = asyncio.Event()

    @property
    def listening(self) -> bool:
        """Whether the caller speaks to the assistant, not to a human or to nobody."""
        return not self.on_hold and self.phase in {CallPhase.GREETING, CallPhase.TALKING}

    @property
    def talking(self) -> bool:
        """Whether the assistant may speak, and is heard."""
        return not self.on_hold and self.phase is CallPhase.TALKING

    def greeting_ended(self) -> bool:
        """Go on to talking; False when the greeting had ended before."""
        if self.phase is not CallPhase.GREETING:
            return False
        self._enter(CallPhase.TALKING)
        return True

    def given_to_human(self) -> None:
        self._enter(CallPhase.WITH_HUMAN)

    def given_back(self) -> None:
        if self.phase is CallPhase.WITH_HUMAN:
            self._enter(CallPhase.TALKING)

    def hold(self, *, on: bool) -> None:
        """Note what the caller's telephone says, in whatever phase."""
        self.on_hold = on
        self._enter(self.phase)

    def ended(self) -> None:
        self._enter(CallPhase.OVER)

    async def until_talking(self) -> None:
        """Wait for the greeting's end, or for a caller who was with somebody else, or on hold."""
        await self._talking.wait()

    def _enter(self, phase: CallPhase) -> None:
        self.phase = phase
        if self.talking:
            self._talking.set()
        else:
            self._talking.clear()
