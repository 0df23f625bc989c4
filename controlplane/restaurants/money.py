"""Money of an order: what a dish costs, what an order comes to, the VAT in it. Pure.

Amounts are integer cents. Prices a consumer sees include VAT (Code de la consommation, art. L112-1;
arrêté du 3 décembre 1987), so VAT is taken out of them, never added.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Final, Protocol
from uuid import UUID

from controlplane.contracts.messages import Message
from controlplane.contracts.restaurant_config import MenuItem, Option

WHOLE_BP: Final = 10_000
"""Basis points of a whole: a rate of 1000 is 10 %."""


class VatPart(Message):
    """What of a price is at one rate, in proportion: separate prices, in cents."""

    rate_bp: int
    cents: int


class Priced(Protocol):
    """A line of a cart or of an order."""

    @property
    def quantity(self) -> int: ...
    @property
    def unit_price_cents(self) -> int: ...
    @property
    def vat_rate_bp(self) -> int: ...
    @property
    def vat_parts(self) -> tuple[VatPart, ...] | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VatShare:
    """What an order has at one rate; `net_cents` and `vat_cents` add up to `gross_cents`."""

    rate_bp: int
    gross_cents: int
    vat_cents: int

    @property
    def net_cents(self) -> int:
        return self.gross_cents - self.vat_cents


def charged_cents(item: MenuItem, options: Sequence[Option]) -> list[int]:
    """What each of the options adds to the dish, in their order.

    Of each group's the `free_count` dearest are free: the price does not hang on the order in which
    they were named, and is never more than any reading of the menu would allow.
    """
    charged = [option.price_delta_cents for option in options]
    group_of = _group_of(item)
    free = {group.id: group.free_count for group in item.option_groups}
    for at in sorted(range(len(options)), key=lambda at: -charged[at]):
        group_id = group_of.get(options[at].id)
        if group_id is not None and free[group_id] and charged[at] > 0:
            free[group_id] -= 1
            charged[at] = 0
    return charged


def _group_of(item: MenuItem) -> dict[UUID, UUID]:
    """The id of each option's group."""
    return {option.id: group.id for group in item.option_groups for option in group.options}


def unit_price_cents(item: MenuItem, options: Sequence[Option]) -> int:
    """The dish with its options; options that take more off than it costs make it free."""
    return max(0, item.price_cents + sum(charged_cents(item, options)))


def vat_parts(item: MenuItem, options: Sequence[Option]) -> tuple[VatPart, ...] | None:
    """What one price for things of several rates is split by, lowest rate first; None when all is
    at the dish's own.

    Each rate applies to its own part of the price (CGI, art. 268 bis), here in proportion to what
    the parts cost by themselves, as the administration wants it of a restaurant's single price for
    several rates (BOI-TVA-LIQ-30-10-10). Alcohol is a dish of its own, so its part is at its own
    rate; what has no separate price at all is at the highest.
    """
    separate: dict[int, int] = defaultdict(int)
    if not item.set_menu:
        separate[item.vat_rate_bp] = item.price_cents
    for option, cents in zip(options, charged_cents(item, options), strict=True):
        if option.component is None:
            separate[item.vat_rate_bp] += cents
        elif item.set_menu:
            separate[option.component.vat_rate_bp] += option.component.price_cents
        else:
            separate[option.component.vat_rate_bp] += cents
    if set(separate) <= {item.vat_rate_bp}:
        return None
    parts = [VatPart(rate_bp=rate, cents=max(0, separate[rate])) for rate in sorted(separate)]
    if not any(part.cents for part in parts):
        parts[-1] = VatPart(rate_bp=parts[-1].rate_bp, cents=1)
    return tuple(part for part in parts if part.cents)


def line_total_cents(line: Priced) -> int:
    """All pieces of one line."""
    return line.quantity * line.unit_price_cents


def total_cents(lines: Iterable[Priced]) -> int:
    """What the caller pays, VAT included."""
    return sum(line_total_cents(line) for line in lines)


def split(cents: int, weights: Sequence[int]) -> list[int]:
    """Divide an amount in proportion to the weights, in whole cents that add up to it.

    Each part is the exact one rounded down; the cents left over go to the largest remainders, and
    of equal ones to the earlier. Raises `ZeroDivisionError` when every weight is 0.
    """
    whole = sum(weights)
    parts = [cents * weight // whole for weight in weights]
    nearest = sorted(range(len(weights)), key=lambda at: -(cents * weights[at] % whole))
    for at in nearest[: cents - sum(parts)]:
        parts[at] += 1
    return parts


def vat_by_rate(
    lines: Iterable[Priced], *, delivery_cents: int = 0, discount_cents: int = 0
) -> tuple[VatShare, ...]:
    """The VAT in an order, lowest rate first; the shares add up to what is paid.

    A delivery fee is taxed with the dishes it brings, and a discount lessens what is taxed (CGI,
    art. 267, I-2° and II-1°): both are spread over the rates in proportion to the dishes. An
    invoice states VAT once a rate (CGI, annexe II, art. 242 nonies A): it is taken out of the
    rate's total and rounded once, half a cent up, so that lines cannot add up to another total. A
    line of several rates has its exact fraction in each, so cents are rounded once here too.
    """
    dishes: dict[int, Fraction] = defaultdict(Fraction)
    for line in lines:
        for part, share in _exact_parts(line):
            dishes[part] += share
    if not dishes:
        return ()
    rates = sorted(dishes)
    whole = lcm(*(share.denominator for share in dishes.values()))
    weights = [int(dishes[rate] * whole) for rate in rates]
    paid = sum(weights) // whole + delivery_cents - discount_cents
    if not any(weights):
        weights[-1] = 1  # only the fee is paid: at the highest rate of what it brings
    parts = split(paid, weights)
    return tuple(_share(rate, cents) for rate, cents in zip(rates, parts, strict=True))


def _exact_parts(line: Priced) -> list[tuple[int, Fraction]]:
    """The rates of a line and what of its total, in cents, is at each."""
    total = line_total_cents(line)
    if line.vat_parts is None:
        return [(line.vat_rate_bp, Fraction(total))]
    whole = sum(part.cents for part in line.vat_parts)
    return [(part.rate_bp, Fraction(total * part.cents, whole)) for part in line.vat_parts]


def _share(rate_bp: int, gross_cents: int) -> VatShare:
    """VAT comes first in the split, so half a cent is the State's."""
    vat_cents, _ = split(gross_cents, (rate_bp, WHOLE_BP))
    return VatShare(rate_bp=rate_bp, gross_cents=gross_cents, vat_cents=vat_cents)
