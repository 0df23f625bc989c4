"""The order being taken: lines, revision, totals. Pure; the server owns it, the model never does.

Every change raises `revision`, so a confirmation always says which cart it confirms. Prices come
from the menu snapshot, in cents, VAT included.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from pydantic import Field

from aiworker.tools.spoken_french import is_feminine, number, price
from controlplane.contracts.messages import Message
from controlplane.contracts.restaurant_config import MenuItem, Option

MOST_LINES = 40
MOST_OF_ONE = 20
"""More of one dish than this is a misheard number, or a job for the restaurant itself."""


class CartError(ValueError):
    """A change the menu does not allow. `code` is for the model, `spoken` for the caller."""

    def __init__(self, code: str, spoken: str) -> None:
        super().__init__(code)
        self.code = code
        self.spoken = spoken


class CartOption(Message):
    """An option as it was when chosen."""

    id: UUID
    name: str
    spoken_name: str
    price_delta_cents: int


class CartLine(Message):
    """One dish with its options. `line` is what the model names it by."""

    line: int
    item_id: UUID
    name: str
    spoken_name: str
    quantity: int = Field(ge=1, le=MOST_OF_ONE)
    options: tuple[CartOption, ...] = ()
    unit_price_cents: int = Field(ge=0)
    """Options included."""
    vat_rate_bp: int
    feminine: bool = False

    @property
    def total_cents(self) -> int:
        return self.quantity * self.unit_price_cents

    @property
    def spoken(self) -> str:
        """ "deux Margherita, pâte fine"."""
        options = "".join(f", {option.spoken_name or option.name}" for option in self.options)
        count = number(self.quantity, feminine=self.feminine)
        return f"{count} {self.spoken_name or self.name}{options}"


class CartState(Message):
    """What survives the worker."""

    revision: int = 0
    next_line: int = 1
    lines: tuple[CartLine, ...] = ()


@dataclass(slots=True)
class Cart:
    """The lines of one call's order."""

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
        return sum(line.total_cents for line in self.lines)

    def line(self, number_: int) -> CartLine:
        """Raises `CartError` when there is no such line."""
        for line in self.lines:
            if line.line == number_:
                return line
        raise CartError("unknown_line", "Je ne trouve pas cette ligne dans la commande.")

    def add(self, item: MenuItem, options: Sequence[Option], quantity: int) -> CartLine:
        """A new line, or more of the same one. Raises `CartError`."""
        chosen = check_options(item, options)
        for line in self.lines:
            if line.item_id == item.id and {o.id for o in line.options} == {o.id for o in chosen}:
                return self.change(line.line, item, options, line.quantity + quantity)
        if len(self.lines) >= MOST_LINES:
            raise CartError("too_many_lines", "La commande est trop longue pour le téléphone.")
        line = _line(self.state.next_line, item, chosen, quantity)
        self._put((*self.lines, line), next_line=self.state.next_line + 1)
        return line

    def change(
        self, number_: int, item: MenuItem, options: Sequence[Option], quantity: int
    ) -> CartLine:
        """Replace a line's dish, options or quantity. Raises `CartError`."""
        old = self.line(number_)
        new = _line(old.line, item, check_options(item, options), quantity)
        self._put(tuple(new if line is old else line for line in self.lines))
        return new

    def remove(self, number_: int) -> CartLine:
        """Raises `CartError` when there is no such line."""
        gone = self.line(number_)
        self._put(tuple(line for line in self.lines if line is not gone))
        return gone

    def clear(self) -> None:
        """After an order is placed, what comes next is another one."""
        self._put(())

    def spoken(self) -> str:
        """Lines and total, as the agent reads them back."""
        dishes = " ; ".join(f"{line.spoken}, {price(line.total_cents)}" for line in self.lines)
        return f"{dishes}. Total : {price(self.total_cents)}."

    def _put(self, lines: tuple[CartLine, ...], next_line: int | None = None) -> None:
        self.state = CartState(
            revision=self.revision + 1,
            next_line=next_line or self.state.next_line,
            lines=lines,
        )


def check_options(item: MenuItem, options: Sequence[Option]) -> tuple[CartOption, ...]:
    """The options, once each group's minimum and maximum hold. Raises `CartError`."""
    if item.sold_out:
        raise CartError("sold_out", f"{item.spoken_name or item.name} n'est plus disponible.")
    chosen = {option.id: option for option in options}
    for option in chosen.values():
        if option.sold_out:
            raise CartError("option_sold_out", f"{option.spoken_name} n'est plus disponible.")
    for group in item.option_groups:
        picked = [option for option in group.options if option.id in chosen]
        names = ", ".join(option.name for option in group.options if not option.sold_out)
        if len(picked) < group.min_select:
            raise CartError("option_missing", f"Il faut choisir pour {group.name} : {names}.")
        if len(picked) > group.max_select:
            most = number(group.max_select, feminine=True)
            raise CartError("too_many_options", f"{group.name} : {most} au maximum parmi {names}.")
    return tuple(
        CartOption(
            id=option.id,
            name=option.name,
            spoken_name=option.spoken_name,
            price_delta_cents=option.price_delta_cents,
        )
        for option in chosen.values()
    )


def _line(number_: int, item: MenuItem, options: tuple[CartOption, ...], quantity: int) -> CartLine:
    if quantity > MOST_OF_ONE:
        raise CartError(
            "quantity_too_large",
            f"Je peux prendre au plus {number(MOST_OF_ONE)} exemplaires d'un plat.",
        )
    unit = item.price_cents + sum(option.price_delta_cents for option in options)
    return CartLine(
        line=number_,
        item_id=item.id,
        name=item.name,
        spoken_name=item.spoken_name,
        quantity=quantity,
        options=options,
        unit_price_cents=max(0, unit),
        vat_rate_bp=item.vat_rate_bp,
        feminine=is_feminine(item.spoken_name or item.name, item.category),
    )
