"""A simulated model answers by number, for tests of the protocol and of the worker's own part.

Whole conversations are scripts: `aiworker/simulator/scripts/`.
"""

from collections.abc import Callable, Sequence

from aiworker.simulator.brain import Answer, Output, Turn

Step = Sequence[Output]
"""The model says and calls this in one response."""


class StepByStep:
    """Gives the session's n-th response the n-th step; after the last, nothing is said."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps

    def respond(self, turn: Turn) -> Answer:
        return Answer(self._steps[turn.number] if turn.number < len(self._steps) else ())


def step_by_step(*steps: Step) -> Callable[[], StepByStep]:
    """Return what a simulator makes each session's brain with."""
    return lambda: StepByStep(steps)
