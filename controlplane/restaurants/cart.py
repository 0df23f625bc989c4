"""The order being taken: its lines, and what may be in them. Pure; the model never owns it.

Every change raises `revision`, so a confirmation always says which cart it confirms. Names and
prices are the menu's at the moment a line was made; a later menu does not change them.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypeAlias
from uuid import UUID

from pydantic import Field

from controlplane.contracts.messages import Message
from controlplane.contracts.restaurant_config import MenuItem, Option, OptionGroup
from controlplane.restaurants import money
from controlplane.restaurants.errors import (
    CartFull,
    DishSoldOut,
    OffMenu,
    OptionMissing,
    OptionSoldOut,
    PriceChanged,
    TooFewLeft,
    TooManyOfOne,
    TooManyOptions,
    UnknownLine,
)

MOST_LINES: Final = 40
MOST_OF_ONE: Final = 20
"""More of one dish than this is a misheard number, or a job for the restaurant itself."""
LONGEST_NOTE: Final = 120
"""A remark on one line; the kitchen reads it at a glance."""


LineContent: TypeAlias = tuple[str, list[str], int, int]


def line_content(
    item_id: UUID, option_ids: Iterable[object], *, quantity: int, unit_price_cents: int
) -> LineContent:
    """What makes two lines the same: dish, options in any order, how many, and at what price.

    Names are left out: a dish that is spelt otherwise meanwhile is the same dish.
    """
    return str(item_id), sorted(map(str, option_ids)), quantity, unit_price_cents


class CartOption(Message):
    """An option as it was when chosen."""

    id: UUID
    name: str
    spoken_name: str
    price_delta_cents: int
    """What it was charged: nothing when it was one of the group's free ones."""


class CartLine(Message):
    """One dish with its options. The model names it by `line`."""

    line: int
    item_id: UUID
    name: str
    spoken_name: str
    category: str
    quantity: int = Field(ge=1, le=MOST_OF_ONE)
    options: tuple[CartOption, ...] = ()
    unit_price_cents: int = Field(ge=0)
    """The options are included."""
    vat_rate_bp: int
    vat_parts: tuple[money.VatPart, ...] | None = None
    """What the price is split by when it is at several rates."""
    note: str | None = Field(default=None, max_length=LONGEST_NOTE)
    """What the kitchen is to leave out, for which the menu has no option; no promise."""

    @property
    def total_cents(self) -> int:
        return money.line_total_cents(self)

    @property
    def content(self) -> LineContent:
        return line_content(
            self.item_id,
            (option.id for option in self.options),
            quantity=self.quantity,
            unit_price_cents=self.unit_price_cents,
        )


class CartState(Message):
    """What survives the worker."""

    revision: int = 0
    next_line: int = 1
    lines: tuple[CartLine, ...] = ()


@dataclass(slots=True)
class Cart:
    """The lines of one call's order. A change that is refused changes nothing."""

    state: CartState

    @classmethod
    def empty(cls) -> "Cart":
        return cls(CartState())

    @property
    def revision(self) -> int:
        return self.state.revision

    @property
    def lines(self) -> tuple[CartLine, ...]:
        return self.state.lines

    @property
    def total_cents(self) -> int:
        return money.total_cents(self.lines)

    @property
    def digest(self) -> str:
        """Sixteen hex digits of what is ordered, how, and at what price."""
        content = json.dumps([(*line.content, line.note) for line in self.lines])
        return sha256(content.encode()).hexdigest()[:16]

    def kitchen_note(self, remark: str) -> str:
        """The caller's remark on the whole order, and those on its lines."""
        of_lines = [
            f"{line.quantity} × {', '.join([line.name, *(o.name for o in line.options)])} : "
            f"{line.note}"
            for line in self.lines
            if line.note
        ]
        return " ; ".join(filter(None, [remark, *of_lines]))

    def line(self, number: int) -> CartLine:
        """Return the line of that number. Raises `UnknownLine`."""
        for line in self.lines:
            if line.line == number:
                return line
        raise UnknownLine(number)

    def add(
        self, item: MenuItem, options: Sequence[Option], quantity: int, *, note: str | None = None
    ) -> CartLine:
        """A new line, or more of the one that has this dish with these options and this note.

        An option that comes twice is had twice. Raises what `change` raises, and `CartFull`.
        """
        for line in self.lines:
            if (line.item_id, _ids(line.options), line.note) == (item.id, _ids(options), note):
                return self.change(line.line, item, options, line.quantity + quantity, note=note)
        line = _line(self.state.next_line, item, options, quantity, note)
        if len(self.lines) >= MOST_LINES:
            raise CartFull
        self._put((*self.lines, line), next_line=self.state.next_line + 1)
        return line

    def change(
        self,
        number: int,
        item: MenuItem,
        options: Sequence[Option],
        quantity: int,
        *,
        note: str | None = None,
    ) -> CartLine:
        """Replace a line's dish, options or quantity.

        Raises `UnknownLine`, `DishSoldOut`, `OptionSoldOut`, `OptionMissing`, `TooManyOptions`,
        `TooManyOfOne`.
        """
        old = self.line(number)
        new = _line(old.line, item, options, quantity, note)
        self._put(tuple(new if line is old else line for line in self.lines))
        return new

    def remove(self, number: int) -> CartLine:
        """Remove a line and return it. Raises `UnknownLine`."""
        gone = self.line(number)
        self._put(tuple(line for line in self.lines if line is not gone))
        return gone

    def renew(self, menu: Iterable[MenuItem]) -> None:
        """Take names and prices from a newer menu. Raises what `renewed` raises."""
        dishes = {item.id: item for item in menu}
        lines = tuple(renewed(line, dishes) for line in self.lines)
        if lines != self.lines:
            self._put(lines)

    def clear(self) -> None:
        """After an order is placed, what comes next is another one."""
        self._put(())

    def _put(self, lines: tuple[CartLine, ...], next_line: int | None = None) -> None:
        self.state = CartState(
            revision=self.revision + 1,
            next_line=next_line or self.state.next_line,
            lines=lines,
        )


def _ids(options: Sequence[Option] | Sequence[CartOption]) -> list[UUID]:
    return sorted(option.id for option in options)


def renewed(line: CartLine, dishes: Mapping[UUID, MenuItem]) -> CartLine:
    """The line as a newer menu has it, whose dishes are by id.

    Raises `OffMenu`, `DishSoldOut`, `TooFewLeft`, `OptionSoldOut`, `OptionMissing`,
    `TooManyOptions`.
    """
    item = dishes.get(line.item_id)
    if item is None:
        raise OffMenu(line.spoken_name or line.name)
    offered = {option.id: option for group in item.option_groups for option in group.options}
    for option in line.options:
        if option.id not in offered:
            raise OffMenu(option.spoken_name or option.name)
    return _line(line.line, item, [offered[o.id] for o in line.options], line.quantity, line.note)


def held_against_menu(lines: Iterable[CartLine], menu: Iterable[MenuItem]) -> tuple[CartLine, ...]:
    """The lines as this menu has them: at the prices they have, and at its own VAT.

    Raises what `renewed` raises, and `PriceChanged`, unless all can be had at these prices.
    """
    dishes = {item.id: item for item in menu}
    held = tuple((line, renewed(line, dishes)) for line in lines)
    for line, now in held:
        if now.unit_price_cents != line.unit_price_cents:
            raise PriceChanged(now.spoken_name or now.name, now.unit_price_cents)
    return tuple(now for _, now in held)


def _line(
    number: int, item: MenuItem, options: Sequence[Option], quantity: int, note: str | None
) -> CartLine:
    _check_options(item, options)
    if quantity > MOST_OF_ONE:
        raise TooManyOfOne(MOST_OF_ONE)
    if item.portions_left is not None and quantity > item.portions_left:
        raise TooFewLeft(item.spoken_name or item.name, item.portions_left)
    return CartLine(
        line=number,
        item_id=item.id,
        name=item.name,
        spoken_name=item.spoken_name,
        category=item.category,
        quantity=quantity,
        options=tuple(
            CartOption(
                id=option.id,
                name=option.name,
                spoken_name=option.spoken_name,
                price_delta_cents=cents,
            )
            for option, cents in zip(options, money.charged_cents(item, options), strict=True)
        ),
        unit_price_cents=money.unit_price_cents(item, options),
        vat_rate_bp=item.vat_rate_bp,
        vat_parts=money.vat_parts(item, options),
        note=note,
    )


def _check_options(item: MenuItem, chosen: Sequence[Option]) -> None:
    """Each group's minimum and maximum must hold, and nothing may be sold out."""
    if item.sold_out:
        raise DishSoldOut(item)
    for option in chosen:
        if option.sold_out:
            raise OptionSoldOut(option)
    times = Counter(option.id for option in chosen)
    for group in item.option_groups:
        _check_group(group, picked=sum(times[option.id] for option in group.options))


def _check_group(group: OptionGroup, *, picked: int) -> None:
    if picked < group.min_select:
        raise OptionMissing(group)
    if picked > group.max_select:
        raise TooManyOptions(group)
