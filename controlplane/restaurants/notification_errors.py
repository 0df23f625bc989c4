"""What the rules about notifications do not allow: facts, without words for a page.

RestaurantError                 (controlplane/restaurants/errors.py)
└── Refused
    └── StepRefused             a step of the ladder that would reach nobody, or at no sensible time
"""

from controlplane.restaurants.errors import Refused


class StepRefused(Refused):
    """A step of the ladder cannot be: `reason` says why, in a word."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"no such step: {reason}")
        self.reason = reason
