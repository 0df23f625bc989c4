"""Whether a dish contains an allergen, as far as its restaurant declared it. Pure.

Nobody may be told that something is not in a dish: what is not declared may still be there by
traces or by mistake (regulation (EU) 1169/2011, art. 9 and 14, obliges to name what is).
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from controlplane.contracts.restaurant_config import MenuItem, Option
from controlplane.models.menu import Allergen


class Contained(StrEnum):
    """What can be said of a dish and an allergen; that it is absent cannot."""

    DECLARED = "declared"
    """It is in it."""
    NOT_DECLARED = "not_declared"
    """The restaurant declared others, or none: its people know more."""
    UNKNOWN = "unknown"
    """Nothing was declared of the dish, or of something that goes with it."""


def contains(dish: MenuItem, allergen: Allergen, options: Sequence[Option] = ()) -> Contained:
    """Say whether the dish with these options contains the allergen.

    An option that is no dish of the menu has no declaration of its own, so nothing is known of it.
    """
    declared = [dish.allergens, *_of_options(options)]
    if any(allergen in known for known in declared if known is not None):
        return Contained.DECLARED
    return Contained.UNKNOWN if None in declared else Contained.NOT_DECLARED


def _of_options(options: Iterable[Option]) -> Iterable[tuple[str, ...] | None]:
    return (option.component.allergens if option.component else None for option in options)
