"""A customer of the old application, as `add_customer` takes them. No consent is taken over: the
old application cannot prove one. Pure.
"""

from dataclasses import dataclass
from datetime import datetime

from controlplane.contracts.phone_numbers import normalise, region_of
from controlplane.restaurants.old_application import values
from controlplane.restaurants.old_application.errors import LeftOut, RowRefused
from controlplane.restaurants.old_application.read_rows import Reading
from controlplane.restaurants.old_application.sqlite_file import Row


@dataclass(frozen=True, slots=True)
class ReadCustomer:
    """Their number (E.164), their name, and when they were last seen."""

    number: str
    name: str | None
    seen_at: datetime


def read_customer(reading: Reading, row: Row) -> ReadCustomer:
    """Raises `RowRefused`; `LeftOut` for who was erased, or was not seen for longer than the
    restaurant keeps customers.
    """
    number = normalise(values.words(row["phone"]), region_of(reading.own_number))
    if number is None:
        raise RowRefused("numéro de téléphone illisible : corrigez-le")
    seen = row.get("last_seen_at")
    seen_at = values.instant(seen, reading.zone) if seen else reading.now
    if seen_at < reading.personal_since or reading.is_erased(number):
        raise LeftOut
    return ReadCustomer(number, values.words(row.get("name")) or None, seen_at)
