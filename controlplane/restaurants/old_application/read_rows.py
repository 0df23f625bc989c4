"""A row of the old application becomes rows of ours, or is refused with a reason. Pure.

Ids are UUIDv5 of the restaurant, the table and the old id: imported again, a row is the same.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from controlplane.contracts.phone_numbers import normalise, region_of
from controlplane.models.reservation import ReservationSource, ReservationStatus
from controlplane.restaurants import money
from controlplane.restaurants.menu_files.cells import listed
from controlplane.restaurants.old_application import values
from controlplane.restaurants.old_application.errors import RowRefused
from controlplane.restaurants.old_application.mapping import OldMapping, OldTable
from controlplane.restaurants.old_application.sqlite_file import MOST_LINES, Row

ACTOR: Final = "import"
KEY: Final = "import:"
"""An imported order's and reservation's idempotency key is this and its own id."""
MOST_OF_A_LINE: Final = 99
"""A line of ours has no more pieces (its CHECK): a longer one becomes several."""
MOST_PIECES: Final = 9_999
LONGEST_NUMBER: Final = 2_000_000_000

Values = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What all rows are read by."""

    restaurant_id: UUID
    own_number: str
    zone: ZoneInfo
    mapping: OldMapping
    now: datetime
    personal_since: datetime
    """The restaurant keeps no name, number or note of what is older."""
    is_erased: Callable[[str], bool]
    """Whether the restaurant erased this number at its owner's request."""

    def id_of(self, table: OldTable, *old: values.Value) -> UUID:
        parts = (one.hex() if isinstance(one, bytes) else str(one) for one in old)
        return uuid5(self.restaurant_id, ":".join((table, *parts)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOrder:
    """An order's own values, its lines', its VAT lines'."""

    order: Values
    lines: tuple[Values, ...]
    vat_lines: tuple[Values, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A line as `money` sees it."""

    quantity: int
    unit_price_cents: int
    vat_rate_bp: int
    vat_parts: None = None


def read_order(reading: Reading, row: Row, lines: Sequence[Row]) -> ReadOrder:
    """The order with its lines and VAT lines, which add up. Raises `RowRefused`."""
    if not lines:
        raise RowRefused("aucune ligne : une commande a au moins un plat")
    if len(lines) > MOST_LINES:
        raise RowRefused(f"plus de {MOST_LINES} lignes : partagez la commande en deux")
    order_id = reading.id_of(OldTable.ORDERS, row["id"])
    created_at = values.instant(row["created_at"], reading.zone)
    read = [own for line in lines for own in _lines(reading, line)]
    pieces = [_piece(line) for line in read]
    amounts = _amounts(reading, row, money.total_cents(pieces))
    shares = money.vat_by_rate(
        pieces,
        delivery_cents=amounts["delivery_cents"],
        discount_cents=amounts["discount_cents"],
    )
    ready_at = row.get("ready_at")
    order = {
        "id": order_id,
        "restaurant_id": reading.restaurant_id,
        "service_date": created_at.astimezone(reading.zone).date(),
        "number": _number(row),
        "idempotency_key": f"{KEY}{order_id}",
        "status": _status(reading, OldTable.ORDERS, row),
        **_who(reading, row, created_at),
        **amounts,
        "ready_at": values.instant(ready_at, reading.zone) if ready_at else created_at,
        "created_at": created_at,
    }
    whose = {"restaurant_id": reading.restaurant_id, "order_id": order_id}
    return ReadOrder(
        order=order,
        lines=tuple({**line, **whose, "position": at} for at, line in enumerate(read, start=1)),
        vat_lines=tuple({**_vat_line(share), **whose} for share in shares),
    )


def read_reservation(reading: Reading, row: Row) -> Values:
    """Its values without a number, which counts in our table. Raises `RowRefused`."""
    starts_at = values.instant(row["starts_at"], reading.zone)
    status = _status(reading, OldTable.RESERVATIONS, row)
    if starts_at > reading.now and status != ReservationStatus.CANCELLED:
        raise RowRefused(
            "réservation à venir : saisissez-la dans AlloResto, qui lui donne une table"
        )
    made = row.get("created_at")
    minutes = row.get("minutes")
    length = (
        values.whole(minutes, least=15, most=720, what="la durée en minutes")
        if minutes
        else reading.mapping.reservation_minutes
    )
    reservation_id = reading.id_of(OldTable.RESERVATIONS, row["id"])
    return {
        "id": reservation_id,
        "restaurant_id": reading.restaurant_id,
        "idempotency_key": f"{KEY}{reservation_id}",
        "status": status,
        "source": ReservationSource.STAFF,
        "party": values.whole(row["party"], least=1, most=200, what="le nombre de couverts"),
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=length),
        **_who(reading, row, starts_at),
        "created_at": values.instant(made, reading.zone) if made else starts_at,
    }


def _piece(line: Values) -> _Piece:
    return _Piece(
        quantity=line["quantity"],
        unit_price_cents=line["unit_price_cents"],
        vat_rate_bp=line["vat_rate_bp"],
    )


def _amounts(reading: Reading, row: Row, items_cents: int) -> dict[str, int]:
    in_cents = reading.mapping.prices_in_cents
    delivery, discount = (
        0 if row.get(name) in (None, "") else values.cents(row[name], in_cents=in_cents)
        for name in ("delivery", "discount")
    )
    total = items_cents + delivery - discount
    if discount > items_cents:
        raise RowRefused("la remise dépasse les plats : corrigez-la")
    if row.get("total") not in (None, ""):
        told = values.cents(row["total"], in_cents=in_cents)
        if told != total:
            raise RowRefused(
                f"le total dit {told} centimes, les lignes font {total} : corrigez-le, ou nommez"
                " les colonnes « delivery » et « discount » dans [orders.columns]"
            )
    if total > values.MOST_CENTS:
        raise RowRefused("la commande dépasse 1 000 000 € : vérifiez les quantités")
    return {
        "items_cents": items_cents,
        "delivery_cents": delivery,
        "discount_cents": discount,
        "total_cents": total,
    }


def _lines(reading: Reading, row: Row) -> Iterator[Values]:
    """One line, or several of a dish had more often than a line of ours says."""
    name = values.words(row["name"])
    if not name:
        raise RowRefused("une ligne n'a pas de nom de plat : donnez-lui en un")
    unit_price = values.cents(row["unit_price"], in_cents=reading.mapping.prices_in_cents)
    rate = values.rate_bp(row.get("vat_rate"), default=reading.mapping.default_rate_bp)
    options = listed(_listed_options(row))
    left = values.whole(row["quantity"], least=1, most=MOST_PIECES, what="la quantité")
    part = 0
    while left > 0:
        quantity = min(left, MOST_OF_A_LINE)
        yield {
            "id": reading.id_of(OldTable.ORDER_LINES, row["id"], part),
            "menu_item_id": reading.id_of(OldTable.MENU, row.get("dish_id") or name),
            "name": name,
            "quantity": quantity,
            "options": [
                {
                    "id": str(reading.id_of(OldTable.MENU, "option", option)),
                    "name": option,
                    "price_delta_cents": 0,
                }
                for option in options
            ],
            "unit_price_cents": unit_price,
            "vat_rate_bp": rate,
            "total_cents": quantity * unit_price,
        }
        left, part = left - quantity, part + 1


def _listed_options(row: Row) -> str:
    """The names of a JSON list, or of a text divided by ; or |, divided by |."""
    text = values.words(row.get("options"))
    if not text.startswith("["):
        return text
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return "|".join(name for name in names if isinstance(name, str))


def _number(row: Row) -> int:
    """What the old application called the order: its number of the day, or its id."""
    number = row.get("number")
    told = row["id"] if number in (None, "") else number
    return values.whole(told, least=1, most=LONGEST_NUMBER, what="le numéro de commande")


def _status(reading: Reading, table: OldTable, row: Row) -> str:
    word = values.words(row["status"])
    status = reading.mapping.status(table, word)
    if status is None:
        raise RowRefused(
            f"statut « {word[:30]} » : dites dans [{table}.statuses] ce qu'il en est advenu"
        )
    return status


def _who(reading: Reading, row: Row, at: datetime) -> dict[str, str | None]:
    """Whose it was: nothing of who was erased, or of what is older than the restaurant keeps.

    A number that cannot be read is left out: what was sold was sold all the same.
    """
    number = normalise(values.words(row.get("customer_phone")), region_of(reading.own_number))
    name = values.words(row.get("customer_name"))
    note = values.words(row.get("note"))
    if at < reading.personal_since or (number is not None and reading.is_erased(number)):
        return {"customer_name": None, "customer_phone_e164": None, "note": ""}
    return {"customer_name": name or None, "customer_phone_e164": number, "note": note}


def _vat_line(share: money.VatShare) -> Values:
    names = ("rate_bp", "gross_cents", "vat_cents", "net_cents")
    return {name: getattr(share, name) for name in names}
