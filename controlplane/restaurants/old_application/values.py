"""What the old application's columns hold, as ours hold it. SQLite lets any column hold anything.

Pure. Each function raises `RowRefused` with what to change.
"""

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from controlplane.contracts.clean_text import clean_text
from controlplane.restaurants.menu_files import cells
from controlplane.restaurants.old_application.errors import RowRefused

Value = int | float | str | bytes | None
"""What SQLite returns."""

LONGEST_TEXT: Final = 10_000
MOST_CENTS: Final = 100_000_000
"""No order of a restaurant comes to a million euros."""
FLOAT_NOISE_CENTS: Final = 1e-6
"""A sum of floats misses a whole cent by far less: 36.300000000000004 is 36,30."""
FIRST_YEAR: Final = 1990
MILLISECONDS_FROM: Final = 100_000_000_000
"""So many seconds after 1970 is the year 5138: a larger number counts milliseconds."""


def words(value: Value) -> str:
    """A text on one or several lines, without NULs and other controls; "" when there is none."""
    if isinstance(value, bytes):
        raise RowRefused("un texte est enregistré en binaire (BLOB) : convertissez-le en TEXT")
    text = clean_text("" if value is None else str(value)).strip()
    if len(text) > LONGEST_TEXT:
        raise RowRefused(f"un texte dépasse {LONGEST_TEXT} caractères : raccourcissez-le")
    return text


def cents(value: Value, *, in_cents: bool, may_be_negative: bool = False) -> int:
    """Exactly: 12.5 is 1250, and 12.345 is refused rather than rounded."""
    if isinstance(value, int | float):
        amount = _whole_cents(value, in_cents=in_cents)
    else:
        try:
            amount = cells.price_cents(words(value), in_cents=in_cents, may_be_negative=True)
        except ValueError as error:
            raise RowRefused(str(error)) from error
    if amount < 0 and not may_be_negative:
        raise RowRefused("un prix ne peut pas être négatif : mettez une remise dans « discount »")
    if abs(amount) > MOST_CENTS:
        raise RowRefused("un montant dépasse 1 000 000 € : vérifiez la virgule")
    return amount


def _whole_cents(value: float, *, in_cents: bool) -> int:
    if isinstance(value, int):
        return value if in_cents else value * 100
    if not math.isfinite(value):
        raise RowRefused("un prix est infini : écrivez-le en chiffres")
    exact = value if in_cents else value * 100
    if abs(exact - round(exact)) > FLOAT_NOISE_CENTS:
        raise RowRefused(f"{Decimal(repr(value))} n'est pas un nombre entier de centimes")
    return round(exact)


def whole(value: Value, *, least: int, most: int, what: str) -> int:
    """A whole number; 3.0 and "3" are 3."""
    try:
        number = Decimal(repr(value) if isinstance(value, float) else words(value))
        if number == int(number) and least <= number <= most:
            return int(number)
    except (ArithmeticError, ValueError):
        pass
    raise RowRefused(f"{what} : écrivez un nombre entier de {least} à {most}")


def rate_bp(value: Value, *, default: int) -> int:
    """A VAT rate in basis points; `default` where the row names none."""
    text = words(value)
    if not text:
        return default
    try:
        return cells.vat_rate_bp(text)
    except ValueError as error:
        raise RowRefused(str(error)) from error


def instant(value: Value, zone: ZoneInfo) -> datetime:
    """An ISO 8601 text, of the restaurant's wall clock where it names no offset, or a Unix time.

    Of an hour that the clock shows twice, in October, the first is meant; one that it never shows,
    in March, is refused.
    """
    try:
        if isinstance(value, int | float):
            seconds = value / 1_000 if abs(value) > MILLISECONDS_FROM else value
            return _plausible(datetime.fromtimestamp(seconds, UTC))
        read = datetime.fromisoformat(words(value))
    except (ValueError, OverflowError, OSError) as error:
        raise RowRefused(
            "une date est illisible ou n'existe pas : écrivez 2024-05-31 19:30:00"
        ) from error
    if read.tzinfo is not None:
        return _plausible(read.astimezone(UTC))
    there = _plausible(read.replace(tzinfo=zone))
    at = there.astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) != read:
        raise RowRefused("cette heure n'existe pas : l'horloge l'a sautée, passant à l'heure d'été")
    return at


def _plausible(at: datetime) -> datetime:
    if not FIRST_YEAR <= at.year <= datetime.now(UTC).year + 2:
        raise RowRefused(f"l'année {at.year} n'est pas plausible : corrigez la date")
    return at
