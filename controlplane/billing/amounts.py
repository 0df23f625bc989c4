"""Money of an invoice, in integers: each amount is rounded once, half a cent up. Pure.

Prices are millionths of a euro (micros) net of VAT, amounts cents. An invoice states VAT once a
rate, on the total of its lines (CGI, annexe II, art. 242 nonies A).
"""

from typing import Final

MICROS_PER_CENT: Final = 10_000
SECONDS_PER_MINUTE: Final = 60
WHOLE_BP: Final = 10_000
"""Basis points of a whole: a rate of 2000 is 20 %."""
VAT_BP: Final = 2_000
"""A service sold to a firm is taxed at the normal rate (CGI, art. 278)."""


def rounded(numerator: int, denominator: int) -> int:
    """The quotient of two non-negative integers, half up."""
    return (2 * numerator + denominator) // (2 * denominator)


def net_cents(quantity: int, unit_micros: int, *, per: int = 1) -> int:
    """So many units, of which `per` cost `unit_micros`."""
    return rounded(quantity * unit_micros, per * MICROS_PER_CENT)


def vat_cents(net: int, rate_bp: int = VAT_BP) -> int:
    """The VAT on a net amount."""
    return rounded(net * rate_bp, WHOLE_BP)


def call_micros(seconds: int, minute_micros: int) -> int:
    """What a call costs by itself, before what its plan includes."""
    return rounded(seconds * minute_micros, SECONDS_PER_MINUTE)


def seconds_of(duration_ms: int) -> int:
    """A second that has begun counts."""
    return -(-duration_ms // 1_000)


def beyond_included(used: int, *, before: int, included: int) -> int:
    """How much of `used` is beyond what a month includes, of which `before` was billed already."""
    return max(0, before + used - included) - max(0, before - included)
