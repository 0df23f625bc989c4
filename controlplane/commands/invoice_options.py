"""What the billing commands read: months, euros, and a firm's numbers."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

import click

from controlplane.billing.months import month_of


class Month(click.ParamType[date]):
    """`2026-11` is read as its first day."""

    name = "YYYY-MM"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        try:
            return datetime.strptime(str(value), "%Y-%m").date()
        except ValueError:
            self.fail(f"{value!r} is no month: write 2026-11", param, ctx)


class Euros(click.ParamType[int]):
    """`49`, `49.90` or `49,90` is read as millionths of a euro."""

    name = "EUROS"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        try:
            micros = Decimal(str(value).replace(",", ".")).scaleb(6)
            if micros == int(micros) and 0 <= micros < 2**31:
                return int(micros)
        except (InvalidOperation, ValueError, OverflowError):
            pass
        self.fail(f"{value!r} is no price: write 0,15 (six decimals, 2 147 € at most)", param, ctx)


class Checked(click.ParamType[str]):
    """Text that a function accepts, or refuses with `ValueError`."""

    name = "TEXT"

    def __init__(self, check: Callable[[str], str]) -> None:
        self._check = check

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        try:
            return self._check(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def printable(text: str) -> str:
    """Words on one line, as an invoice may print them. Raises `ValueError`."""
    words = " ".join(text.split())
    if not (words and words.isprintable()):
        raise ValueError("write words, without control characters")
    return words


def postcode(text: str) -> str:
    """A French postcode. Raises `ValueError`."""
    if not (len(text) == 5 and text.isascii() and text.isdecimal()):
        raise ValueError("five digits")
    return text


def this_month() -> date:
    """The month it is in Paris."""
    return month_of(datetime.now(UTC), "Europe/Paris")
