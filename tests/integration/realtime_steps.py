"""A simulated model that answers by number, for tests of the protocol and of the worker's own part.

Whole conversations are scripts: `aiworker/simulator/scripts/`.
"""

from collections.abc import Callable, Sequence

from aiworker.simulator.brain import Answer, Output, Turn

Step = Sequence[Output]
"""What the model says and calls in one response."""


class StepByStep:
    """The n-th response of the session is the n-th step; after the last, nothing is said."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps

    def respond(self, turn: Turn) -> Answer:
        return Answer(self._steps[turn.number] if turn.number < len(self._steps) else ())


def step_by_step(*steps: Step) -> Callable[[], StepByStep]:
    """What a simulator makes each session's brain with."""
    return lambda: StepByStep(steps)
