"""What goes with a dish unless its caller says otherwise: a kebab's salad and onion. Pure."""

from collections.abc import Collection, Sequence
from uuid import UUID

from controlplane.contracts.restaurant_config import MenuItem, Option


def with_defaults(
    item: MenuItem, chosen: Sequence[Option], *, left_out: Collection[UUID] = ()
) -> tuple[Option, ...]:
    """The chosen options, and those that a group of which none was chosen has by default.

    A default that is `left_out`, by its id, or sold out is not taken; whether enough is left of a
    group, the cart says.
    """
    named = {option.id for option in chosen}
    taken = [
        option
        for group in item.option_groups
        if not any(option.id in named for option in group.options)
        for option in group.options
        if option.by_default and not option.sold_out and option.id not in left_out
    ]
    return (*chosen, *taken)
