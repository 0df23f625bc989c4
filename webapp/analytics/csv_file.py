"""The figures as a file that a French Excel opens by itself: UTF-8 with its mark, semicolons."""

from collections.abc import Iterator
from typing import Final

from webapp.analytics.figures import Bucket, Figures
from webapp.words import _

BYTE_ORDER_MARK: Final = "\ufeff"
"""Without it Excel reads UTF-8 as Windows-1252."""
MICROS_PER_EURO: Final = 1_000_000
CENTS_PER_EURO: Final = 100


def csv_of(figures: Figures) -> str:
    """Write a line a day, or a month, of the period. It holds figures alone, no text of anybody."""
    return BYTE_ORDER_MARK + "".join(";".join(line) + "\r\n" for line in _lines(figures))


def _lines(figures: Figures) -> Iterator[list[str]]:
    yield [
        _("Mois") if figures.period.by_month else _("Jour"),
        _("Appels"),
        _("Manqués"),
        _("Transférés"),
        _("Commandes"),
        _("Chiffre d’affaires (€)"),
        _("Coût de l’IA (€)"),
    ]
    for bucket in figures.buckets:
        yield _line(bucket)


def _line(bucket: Bucket) -> list[str]:
    totals = bucket.totals
    return [
        bucket.begins.isoformat(),
        str(totals.calls),
        str(totals.missed),
        str(totals.transferred),
        str(totals.orders),
        _decimal(totals.cents, CENTS_PER_EURO, 2),
        _decimal(totals.micros, MICROS_PER_EURO, 6),
    ]


def _decimal(amount: int, whole: int, places: int) -> str:
    """Spell 74230 cents as "742,30": exact, in integers."""
    euros, rest = divmod(amount, whole)
    return f"{euros},{rest:0{places}d}"
