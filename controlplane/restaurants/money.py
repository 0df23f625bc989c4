"""Money of an order: what a dish costs, what an order comes to, the VAT in it. Pure.

Amounts are integer cents. Prices a consumer sees include VAT (Code de la consommation, art. L112-1;
arrêté du 3 décembre 1987), so VAT is taken out of them, never added.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from controlplane.contracts.restaurant_config import MenuItem, Option

WHOLE_BP: Final = 10_000
"""Basis points of a whole: a rate of 1000 is 10 %."""


class Priced(Protocol):
    """A line of a cart or of an order."""

    @property
    def quantity(self) -> int: ...
    @property
    def unit_price_cents(self) -> int: ...
    @property
    def vat_rate_bp(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VatShare:
    """What an order has at one rate; `net_cents` and `vat_cents` add up to `gross_cents`."""

    rate_bp: int
    gross_cents: int
    vat_cents: int

    @property
    def net_cents(self) -> int:
        return self.gross_cents - self.vat_cents


def unit_price_cents(item: MenuItem, options: Iterable[Option]) -> int:
    """The dish with its options; options that take more off than it costs make it free."""
    return max(0, item.price_cents + sum(option.price_delta_cents for option in options))


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
    rate's total and rounded once, half a cent up, so that lines cannot add up to another total.
    """
    dishes: dict[int, int] = defaultdict(int)
    for line in lines:
        dishes[line.vat_rate_bp] += line_total_cents(line)
    if not dishes:
        return ()
    rates = sorted(dishes)
    weights = [dishes[rate] for rate in rates]
    paid = sum(weights) + delivery_cents - discount_cents
    if not any(weights):
        weights[-1] = 1  # only the fee is paid: at the highest rate of what it brings
    parts = split(paid, weights)
    return tuple(_share(rate, cents) for rate, cents in zip(rates, parts, strict=True))


def _share(rate_bp: int, gross_cents: int) -> VatShare:
    """VAT comes first in the split, so half a cent is the State's."""
    vat_cents, _ = split(gross_cents, (rate_bp, WHOLE_BP))
    return VatShare(rate_bp=rate_bp, gross_cents=gross_cents, vat_cents=vat_cents)
