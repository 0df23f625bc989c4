"""Money of an order: what a dish costs, what an order comes to, the VAT in it. Pure.

Amounts are integer cents. Prices a consumer sees include VAT (Code de la consommation, art. L112-1;
arrêté du 3 décembre 1987), so VAT is taken out of them, never added.
"""

from collections import defaultdict
from collections.abc import Iterable
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


def vat_by_rate(lines: Iterable[Priced]) -> tuple[VatShare, ...]:
    """The VAT in an order, lowest rate first.

    An invoice states VAT once a rate (CGI, annexe II, art. 242 nonies A): it is taken out of the
    rate's total and rounded once, half a cent up, so that lines cannot add up to another total.
    """
    gross: dict[int, int] = defaultdict(int)
    for line in lines:
        gross[line.vat_rate_bp] += line_total_cents(line)
    return tuple(
        VatShare(rate_bp=rate, gross_cents=cents, vat_cents=_vat_within(cents, rate))
        for rate, cents in sorted(gross.items())
    )


def _vat_within(gross_cents: int, rate_bp: int) -> int:
    """gross · rate / (1 + rate), in integers: doubled, so that adding half rounds."""
    divisor = WHOLE_BP + rate_bp
    return (2 * gross_cents * rate_bp + divisor) // (2 * divisor)
