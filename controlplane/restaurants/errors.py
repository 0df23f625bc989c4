"""What a restaurant's rules do not allow: facts, without words for a caller or a page.

The worker's tools put them into words (aiworker/tools/refusals.py), the web app answers them with
a status (webapp/app.py), admin commands print their English message.

AlloRestoError
└── RestaurantError
    ├── NotFound               the restaurant has no such thing
    │   ├── UnknownRestaurant  there is no such restaurant at all
    │   ├── UnknownLine        no line of the cart has this number
    │   ├── UnknownOrder       no order of this restaurant has this id
    │   ├── UnknownDishOfOrder the order has no such line, or the line no such dish
    │   ├── UnknownMessage     no voice message of this restaurant has this id
    │   ├── UnknownTarget      callers are not put through to this number
    │   ├── UnknownCategory    the menu has no such category
    │   ├── UnknownMenuVersion no version of the menu has this number (drafts: menu_errors.py)
    │   ├── NotOnMenu          no dish, option or ingredient is called so
    │   └── NotBlocked         this number's calls are taken
    ├── Refused                what was asked is not allowed as things are
    │   ├── NotNow             it is not possible now; a rule says so, and when it will be
    │   │   ├── NotTakingOrders    the restaurant is paused, closed for good, or not open yet
    │   │   ├── NotAvailable       the dish is had at other times of the week
    │   │   ├── SlotFull           as much is promised for that time as can be done
    │   │   └── NotAtThisInstant   its hours or its kitchen do not allow it
    │   │       ├── OrdersPaused       the kitchen takes no order for a while
    │   │       ├── HoursUnconfirmed   nobody has said whether it opens on this public holiday
    │   │       └── Closed             it is not open at this hour
    │   ├── PriceChanged       a dish costs something else than the caller was told
    │   ├── TotalChanged       an order comes to something else than its customer was told
    │   ├── OffMenu            a dish or an option is no longer on the menu
    │   ├── CartEmpty          there is nothing to order
    │   ├── CartFull           an order over the phone has an end
    │   ├── TooManyOfOne       so many of one dish were misheard
    │   ├── DishSoldOut        the dish is not to be had today
    │   ├── TooFewLeft         fewer portions of the dish are left
    │   ├── OptionSoldOut      nor is this option
    │   ├── OptionMissing      a group wants a choice
    │   ├── TooManyOptions     a group allows fewer choices
    │   ├── StatusRefused      an order cannot go there from where it is
    │   │   └── AllergyUnseen  nobody there has seen what the caller must not eat
    │   ├── TimeRefused        the kitchen cannot have it ready just then
    │   ├── NotReplaceable     it is too late for the caller to correct the order
    │   ├── OutsideEveryZone   the restaurant delivers nowhere near
    │   ├── AddressNotLocated  only a map could tell, and the address is on none
    │   ├── UnderMinimum       the dishes come to less than the zone asks for
    │   ├── DeliveryChanged    delivering there takes something else than the caller was told
    │   ├── NotANumber         what was written or said is no telephone number
    │   ├── AmbiguousNumber    restaurants of several countries read it differently
    │   ├── NameRefused        nobody could say this name
    │   ├── NeverDialled       callers cannot be put through to such a number
    │   └── OwnNumber          the restaurant's own people are not blocked
    ├── KeyOfAnotherCart       the key has an order, and it is not this one
    ├── OrderNotCommitted      there is no order; also a ServiceUnavailable
    └── OrderUnsettled         nobody knows whether there is; also a ServiceUnavailable
"""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from controlplane.contracts.phone_numbers import UnsafeReason
from controlplane.contracts.restaurant_config import (
    MenuItem,
    Option,
    OptionGroup,
    RestaurantStatus,
)
from controlplane.errors import AlloRestoError, ServiceUnavailable
from controlplane.restaurants.decision import Answer, Possibility, Rule
from controlplane.restaurants.rules import UNKNOWN, status_rule


class RestaurantError(AlloRestoError):
    """Base of what this package raises on purpose."""


class NotFound(RestaurantError):
    """The restaurant has no such thing; another tenant's thing is none of its own."""


class Refused(RestaurantError):
    """The thing is there, and what was asked of it is not allowed as things are."""


class UnknownRestaurant(NotFound):
    """No restaurant has this id or name; `near` has names that resemble it."""

    def __init__(self, name: UUID | str, near: Sequence[str] = ()) -> None:
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        super().__init__(f"no restaurant is called {str(name)!r}{hint}")
        self.near = tuple(near)


class UnknownLine(NotFound):
    """No line of the cart has this number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"the cart has no line {number}")


class UnknownOrder(NotFound):
    """No order of this restaurant has this id."""

    def __init__(self, order_id: UUID) -> None:
        super().__init__(f"no order {order_id}")


class UnknownDishOfOrder(NotFound):
    """The order has no such line, or the line no such dish."""

    def __init__(self, line_or_dish: UUID) -> None:
        super().__init__(f"the order has no line or dish {line_or_dish}")


class UnknownMessage(NotFound):
    """No voice message of this restaurant has this id."""

    def __init__(self, message_id: UUID) -> None:
        super().__init__(f"no voice message {message_id}")


class UnknownTarget(NotFound):
    """Callers of this restaurant are not put through to this number."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"{slug} has no such number: alloresto transfer list {slug}")


class UnknownCategory(NotFound):
    """The restaurant's menu has no category of this id."""

    def __init__(self, category_id: UUID) -> None:
        super().__init__(f"no category {category_id}")


class UnknownMenuVersion(NotFound):
    """No version of the restaurant's menu has this number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"no menu version {number}: alloresto menu history")


class NotOnMenu(NotFound):
    """No dish, option or ingredient of the restaurant is called so; `near` has similar names."""

    def __init__(self, name: str, near: Sequence[str]) -> None:
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        super().__init__(f"nothing on the menu is called {name!r}{hint}")
        self.near = tuple(near)


class NotBlocked(NotFound):
    """The restaurant takes this number's calls."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"it is not blocked: alloresto caller list {slug}")


class NotNow(Refused):
    """It is not possible at this instant: `rule` decided, `following` says when it is."""

    def __init__(self, message: str, *, rule: Rule, following: Possibility) -> None:
        super().__init__(message)
        self.rule = rule
        self.following = following


class NotTakingOrders(NotNow):
    """The restaurant is paused, closed for good, or not open for business yet."""

    def __init__(self, status: RestaurantStatus) -> None:
        super().__init__(f"the restaurant is {status}", rule=status_rule(status), following=UNKNOWN)
        self.status = status


class NotAvailable(NotNow):
    """The dish is not to be had at `wanted`, an instant of the restaurant's zone, for which it
    would be ready.
    """

    def __init__(
        self, dish: MenuItem, wanted: datetime, *, rule: Rule, following: Possibility
    ) -> None:
        super().__init__(f"{dish.name} is not to be had then", rule=rule, following=following)
        self.dish = dish
        self.wanted = wanted


class SlotFull(NotNow):
    """As much is promised for `wanted`, an instant of the restaurant's zone, as can be done."""

    def __init__(self, wanted: datetime, *, rule: Rule, following: Possibility) -> None:
        super().__init__("this slot is full", rule=rule, following=following)
        self.wanted = wanted


class NotAtThisInstant(NotNow):
    """The rules answered so of the instant `now`, which is in the restaurant's zone."""

    message: ClassVar[str]

    def __init__(self, answer: Answer) -> None:
        super().__init__(self.message, rule=answer.rule, following=answer.following)
        self.now = answer.at
        self.opens = answer.following.at
        self.exceptional = answer.exceptional
        self.spoken = answer.spoken


class OrdersPaused(NotAtThisInstant):
    """The kitchen takes no order until `opens`, or until it says so when that is None."""

    message = "the kitchen takes no orders for now"


class HoursUnconfirmed(NotAtThisInstant):
    """It is a public holiday, and nobody has said whether the restaurant opens."""

    message = "the hours of this public holiday are not confirmed"


class Closed(NotAtThisInstant):
    """The restaurant is not open at `now`; it `opens` next, None when that is not known.

    Today's hours are an exception's, or a holiday's, when it is `exceptional`.
    """

    message = "the restaurant is closed at this hour"


class PriceChanged(Refused):
    """A dish with its options costs `cents` now, which the caller was not told."""

    def __init__(self, spoken_name: str, cents: int) -> None:
        super().__init__(f"{spoken_name} has another price now")
        self.spoken_name = spoken_name
        self.cents = cents


class TotalChanged(Refused):
    """The order comes to `cents`, which its customer was not told."""

    def __init__(self, cents: int) -> None:
        super().__init__(f"it comes to {cents} cents now")
        self.cents = cents


class OffMenu(Refused):
    """A dish or an option that was ordered is no longer on the menu."""

    def __init__(self, spoken_name: str) -> None:
        super().__init__(f"{spoken_name} is no longer on the menu")
        self.spoken_name = spoken_name


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


class TooFewLeft(Refused):
    """So many portions of the dish are left, and more were asked for."""

    def __init__(self, spoken_name: str, left: int) -> None:
        super().__init__(f"{left} of {spoken_name} are left")
        self.spoken_name = spoken_name
        self.left = left


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


class AllergyUnseen(StatusRefused):
    """The order has an allergy that nobody at the restaurant has acknowledged."""


class TimeRefused(Refused):
    """It is ready between `first` and `last`, instants of the restaurant's zone, if it is ordered
    now.
    """

    def __init__(self, first: datetime, last: datetime) -> None:
        super().__init__(f"it can be ready from {first:%H:%M} to {last:%H:%M}")
        self.first = first
        self.last = last


class NotReplaceable(Refused):
    """The order is in a `status` in which a caller's correction comes too late."""

    def __init__(self, status: str) -> None:
        super().__init__(f"an order that is {status} is not replaced by another")
        self.status = status


class OutsideEveryZone(Refused):
    """None of the restaurant's `zones`, by name, has the address. `nearest` is the nearest of those
    drawn on a map, and how many metres it is to there; None when that is not known.
    """

    def __init__(
        self, postcode: str, zones: Sequence[str], *, nearest: tuple[str, int] | None = None
    ) -> None:
        tried = ", ".join(zones) or "the restaurant has none"
        near = f"; {nearest[0]} is {nearest[1]} m away" if nearest else ""
        super().__init__(f"{postcode} is outside every delivery zone: {tried}{near}")
        self.zones = tuple(zones)
        self.nearest = nearest


class AddressNotLocated(Refused):
    """The `zone` is drawn on a map, and the address has no coordinates."""

    def __init__(self, zone: str) -> None:
        super().__init__(f"whether {zone} has the address needs its latitude and longitude")
        self.zone = zone


class UnderMinimum(Refused):
    """The `zone` asks for dishes of `minimum_cents`, and these come to `items_cents`."""

    def __init__(self, zone: str, minimum_cents: int, items_cents: int) -> None:
        super().__init__(f"{zone}: dishes of {minimum_cents} cents, not {items_cents}")
        self.zone = zone
        self.minimum_cents = minimum_cents
        self.items_cents = items_cents


class DeliveryChanged(Refused):
    """The `zone` asks for another fee, or another time, than the caller was told."""

    def __init__(self, zone: str, fee_cents: int, delay_minutes: int) -> None:
        super().__init__(f"{zone}: {fee_cents} cents and {delay_minutes} minutes now")
        self.zone = zone
        self.fee_cents = fee_cents
        self.delay_minutes = delay_minutes


class NotANumber(Refused):
    """What was written or said is no telephone number."""

    def __init__(self) -> None:
        super().__init__("that is no telephone number: write 01 99 00 12 34 or +33199001234")


class AmbiguousNumber(Refused):
    """The same digits are different numbers where different restaurants are."""

    def __init__(self) -> None:
        super().__init__("these restaurants read it differently: write +33… or name one of them")


class NameRefused(Refused):
    """The name is what callers hear: nobody could say this one."""

    def __init__(self, longest: int) -> None:
        super().__init__(f"the name is what callers hear: 1 to {longest} characters")


class NeverDialled(Refused):
    """Callers cannot be put through to such a number, for `reason`."""

    def __init__(self, reason: UnsafeReason) -> None:
        super().__init__(f"this number is never dialled: {reason}")
        self.reason = reason


class OwnNumber(Refused):
    """The number is the restaurant's own, or of somebody its callers are put through to."""

    def __init__(self) -> None:
        super().__init__("this number is the restaurant's own, or of one of its people")


class KeyOfAnotherCart(RestaurantError):
    """The key has an order, of other dishes, options or prices than the one to be placed."""

    def __init__(self) -> None:
        super().__init__("this key is of another cart's order")


class OrderNotCommitted(RestaurantError, ServiceUnavailable):
    """Postgres did not take the order, and it is certain that there is none under its key."""

    def __init__(self) -> None:
        super().__init__("the order was not committed")


class OrderUnsettled(RestaurantError, ServiceUnavailable):
    """A COMMIT was sent and its answer is lost: placing again with the same key settles it.

    The restaurant calls the caller back, unless no number is known (`reachable`).
    """

    def __init__(self, *, reachable: bool = True) -> None:
        super().__init__("nobody knows whether the order was committed")
        self.reachable = reachable
