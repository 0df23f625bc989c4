"""How an invoice's amounts are spelled on the site, and the CSV file of what it bills."""

import csv
import io
from collections.abc import Iterable
from datetime import date
from typing import Final

from babel.dates import format_date

from controlplane.billing.invoice_lines import Line
from controlplane.billing.recount import Recount
from controlplane.models.invoice import LineKind
from controlplane.models.usage_record import UsageKind
from webapp import show
from webapp.invoices.queries import UsageLine
from webapp.typography import typeset as typeset
from webapp.words import N_, _, language, ngettext

KINDS: Final = {LineKind.CALLS: UsageKind.CALL, LineKind.SMS: UsageKind.SMS}
"""The lines that open the list of what they bill."""
KIND_NAMES: Final = {UsageKind.CALL: N_("Appels"), UsageKind.SMS: N_("SMS")}
BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""A French Excel reads UTF-8 behind it, and semicolons."""


def month(first: date) -> str:
    """Return "octobre 2026"."""
    return format_date(first, "LLLL y", locale=language())


def on(day: date) -> str:
    """Return "2 novembre 2026", as a bill dates itself."""
    return format_date(day, "d MMMM y", locale=language()).replace(" ", show.NO_BREAK)


def duration(seconds: int) -> str:
    """Return "12 min 05 s"."""
    minutes, rest = divmod(seconds, 60)
    return _("%(minutes)s min %(seconds)02d s", minutes=show.count(minutes), seconds=rest)


def quantity(line: Line) -> str:
    """Return a line's quantity: minutes and seconds of calls, else the number."""
    return duration(line.quantity) if line.kind is LineKind.CALLS else show.count(line.quantity)


def unit_price(line: Line) -> str:
    """Return what `per` units cost: whole cents as a price, finer ones to the tenth of a cent."""
    cents, finer = divmod(line.unit_micros, 10_000)
    return show.micros(line.unit_micros) if finer else show.price(cents)


def recounted(found: Recount) -> str:
    """Say what an invoice's usage came to when it was counted once more."""
    calls = ngettext("%(n)s appel", "%(n)s appels", found.calls) % {"n": show.count(found.calls)}
    if found.same:
        return _("Recalculée depuis %(calls)s et %(n)s SMS : identique.", calls=calls, n=found.sms)
    return _("Recalculée, elle diffère. Écrivez-nous : nous la corrigeons par un avoir.")


def usage_csv(lines: Iterable[UsageLine]) -> str:
    """Write one row a call or SMS; nothing in it was written by a caller."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
    writer.writerow(
        [_("Date"), _("Heure"), _("Usage"), _("Quantité"), _("Prix HT"), _("Référence")]
    )
    for line in lines:
        price = f"{line.micros / 1_000_000:.4f}".replace(".", "," if language() == "fr" else ".")
        writer.writerow(
            [
                f"{line.at:%d/%m/%Y}",
                f"{line.at:%H:%M:%S}",
                _(KIND_NAMES[line.kind]),
                line.quantity,
                price,
                line.source,
            ]
        )
    return BOM + file.getvalue()
