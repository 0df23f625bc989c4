"""An order that somebody of the restaurant takes: what they type becomes a cart by the rules of a
call's. Pure.

A line that the menu does not allow stays, with what is wrong with it: nothing typed is lost.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from controlplane.contracts.restaurant_config import MenuItem, Option
from controlplane.restaurants.cart import MOST_LINES, MOST_OF_ONE, Cart, CartLine
from controlplane.restaurants.errors import CartFull, OffMenu, Refused, TooManyOfOne


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedLine:
    """A dish as the page names it. An option that comes twice is had twice."""

    item_id: UUID
    option_ids: tuple[UUID, ...] = ()
    quantity: int = 1

    def times(self, quantity: int) -> "TypedLine":
        """The same with another quantity. Raises `TooManyOfOne`."""
        if quantity > MOST_OF_ONE:
            raise TooManyOfOne(MOST_OF_ONE)
        return TypedLine(item_id=self.item_id, option_ids=self.option_ids, quantity=quantity)

    def is_like(self, other: "TypedLine") -> bool:
        """Whether it is the same dish with the same options."""
        mine, others = ((each.item_id, sorted(each.option_ids)) for each in (self, other))
        return mine == others


@dataclass(frozen=True, slots=True)
class Typed:
    """A typed line with what the menu makes of it: a cart's line, or the rule it breaks."""

    line: TypedLine
    in_cart: CartLine | None = None
    fault: Refused | None = None


@dataclass(slots=True)
class TypedCart:
    """The lines in the order of their typing, and the cart of those that can be had."""

    cart: Cart = field(default_factory=Cart.empty)
    lines: list[Typed] = field(default_factory=list)

    @property
    def first_fault(self) -> Refused | None:
        return next((typed.fault for typed in self.lines if typed.fault), None)


def cart_of(lines: Iterable[TypedLine], menu: Iterable[MenuItem]) -> TypedCart:
    """Put every line that can be had into one cart."""
    dishes = {dish.id: dish for dish in menu}
    typed = TypedCart()
    for line in lines:
        try:
            item = _dish(line, dishes)
            in_cart = typed.cart.add(item, _options(line, item), line.quantity)
        except Refused as fault:
            typed.lines.append(Typed(line, fault=fault))
        else:
            typed.lines.append(Typed(line, in_cart))
    return typed


def with_line(lines: Sequence[TypedLine], new: TypedLine) -> tuple[TypedLine, ...]:
    """The lines with one more, or more of the one that is like it. Raises `TooManyOfOne`,
    `CartFull`.
    """
    for at, line in enumerate(lines):
        if line.is_like(new):
            return (*lines[:at], line.times(line.quantity + new.quantity), *lines[at + 1 :])
    if len(lines) >= MOST_LINES:
        raise CartFull
    return (*lines, new)


def _dish(line: TypedLine, dishes: Mapping[UUID, MenuItem]) -> MenuItem:
    item = dishes.get(line.item_id)
    if item is None:
        raise OffMenu("")
    return item


def _options(line: TypedLine, item: MenuItem) -> list[Option]:
    offered = {option.id: option for group in item.option_groups for option in group.options}
    try:
        return [offered[option_id] for option_id in line.option_ids]
    except KeyError:
        raise OffMenu(item.name) from None
