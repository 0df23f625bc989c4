"""What a restaurant's rules do not allow: facts, without words for a caller or a page.

The worker's tools put them into words (aiworker/tools/refusals.py), the web app answers them with
a status (webapp/app.py), admin commands print their English message.

AlloRestoError
└── RestaurantError
    ├── NotFound               the restaurant has no such thing
    │   ├── UnknownLine        no line of the cart has this number
    │   └── UnknownOrder       no order of this restaurant has this id
    ├── Refused                what was asked is not allowed as things are
    │   ├── CartEmpty          there is nothing to order
    │   ├── CartFull           an order over the phone has an end
    │   ├── TooManyOfOne       so many of one dish were misheard
    │   ├── DishSoldOut        the dish is not to be had today
    │   ├── OptionSoldOut      nor is this option
    │   ├── OptionMissing      a group wants a choice
    │   ├── TooManyOptions     a group allows fewer choices
    │   └── StatusRefused      an order cannot go there from where it is
    └── OrderNotCommitted      Postgres did not take it; also a ServiceUnavailable
"""

from uuid import UUID

from controlplane.contracts.restaurant_config import MenuItem, Option, OptionGroup
from controlplane.errors import AlloRestoError, ServiceUnavailable


class RestaurantError(AlloRestoError):
    """Base of what this package raises on purpose."""


class NotFound(RestaurantError):
    """The restaurant has no such thing; another tenant's thing is none of its own."""


class Refused(RestaurantError):
    """The thing is there, and what was asked of it is not allowed as things are."""


class UnknownLine(NotFound):
    """No line of the cart has this number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"the cart has no line {number}")


class UnknownOrder(NotFound):
    """No order of this restaurant has this id."""

    def __init__(self, order_id: UUID) -> None:
        super().__init__(f"no order {order_id}")


class CartEmpty(Refused):
    """There is nothing to order."""

    def __init__(self) -> None:
        super().__init__("the cart is empty")


class CartFull(Refused):
    """The cart has as many lines as an order over the phone may have."""

    def __init__(self) -> None:
        super().__init__("the cart is full")


class TooManyOfOne(Refused):
    """More of one dish than an order over the phone may have; `most` it may."""

    def __init__(self, most: int) -> None:
        super().__init__(f"at most {most} of one dish")
        self.most = most


class DishSoldOut(Refused):
    """The dish is not to be had today."""

    def __init__(self, item: MenuItem) -> None:
        super().__init__(f"{item.name} is sold out")
        self.item = item


class OptionSoldOut(Refused):
    """The option is not to be had today."""

    def __init__(self, option: Option) -> None:
        super().__init__(f"{option.name} is sold out")
        self.option = option


class OptionMissing(Refused):
    """The group wants at least `min_select` of its options."""

    def __init__(self, group: OptionGroup) -> None:
        super().__init__(f"{group.name}: at least {group.min_select}")
        self.group = group


class TooManyOptions(Refused):
    """The group allows at most `max_select` of its options."""

    def __init__(self, group: OptionGroup) -> None:
        super().__init__(f"{group.name}: at most {group.max_select}")
        self.group = group


class StatusRefused(Refused):
    """The order cannot go there from where it is: terminal statuses never reopen."""

    def __init__(self, current: str, to: str) -> None:
        super().__init__(f"an order can't go from {current} to {to}")


class OrderNotCommitted(RestaurantError, ServiceUnavailable):
    """Postgres did not take the order, however often it was asked: there is none."""

    def __init__(self) -> None:
        super().__init__("the order was not committed")
