"""Which table and column of the old application is which of ours: the defaults, or a TOML file's.

`docs/import-sqlite.md` describes every field.
"""

import tomllib
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from controlplane.models.order import NEXT_STATUSES as NEXT_ORDER
from controlplane.models.reservation import NEXT_STATUSES as NEXT_RESERVATION
from controlplane.restaurants.menu_files.cells import plain_words, vat_rate_bp
from controlplane.restaurants.menu_files.problems import faults_of
from controlplane.restaurants.old_application.errors import OldFileRefused

MOST_MAPPING_BYTES: Final = 64 * 1024


class OldTable(StrEnum):
    """The parts of an old application's data; a mapping has a section of the same name for each."""

    RESTAURANT = "restaurant"
    MENU = "menu"
    CATEGORIES = "categories"
    CUSTOMERS = "customers"
    ORDERS = "orders"
    ORDER_LINES = "order_lines"
    RESERVATIONS = "reservations"


@dataclass(frozen=True, slots=True)
class Fields:
    """What a table has to have, and what it may have; a column is called so by default."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


_WHO: Final = ("customer_name", "customer_phone", "customer_id", "note")
FIELDS: Final = {
    OldTable.RESTAURANT: Fields(("name", "phone"), ("slug", "address")),
    OldTable.MENU: Fields(
        ("id", "category", "name", "price"), ("description", "vat_rate", "active")
    ),
    OldTable.CATEGORIES: Fields(("id", "name")),
    OldTable.CUSTOMERS: Fields(("id", "phone"), ("name", "last_seen_at")),
    OldTable.ORDERS: Fields(
        ("id", "created_at", "status"),
        ("number", "ready_at", "total", "delivery", "discount", *_WHO),
    ),
    OldTable.ORDER_LINES: Fields(
        ("id", "order_id", "name", "quantity", "unit_price"), ("dish_id", "vat_rate", "options")
    ),
    OldTable.RESERVATIONS: Fields(
        ("id", "starts_at", "party", "status"), ("created_at", "minutes", *_WHO)
    ),
}
_TABLES: Final = {table: str(table) for table in OldTable} | {
    OldTable.ORDER_LINES: "order_items",
    OldTable.CATEGORIES: "",  # by default the menu's rows name their category themselves
}
_ORDER_STATUSES: Final = {
    "completed": "done delivered picked_up closed paid terminee livree retiree payee",
    "cancelled": "canceled annulee",
    "rejected": "refused refusee",
    "no_show": "absent",
    "expired": "",
}
_RESERVATION_STATUSES: Final = {
    "finished": "confirmed completed done seated honored confirmee terminee honoree",
    "cancelled": "canceled annulee",
    "no_show": "absent",
}


def _by_word(statuses: Dict[str, str]) -> dict[str, str]:
    return {word: ours for ours, words in statuses.items() for word in (ours, *words.split())}


STATUSES: Final = {
    OldTable.ORDERS: _by_word(_ORDER_STATUSES),
    OldTable.RESERVATIONS: _by_word(_RESERVATION_STATUSES),
}
"""The old application's words, without accents and capitals, and our final statuses."""
FINAL: Final = {
    OldTable.ORDERS: frozenset(one for one, following in NEXT_ORDER.items() if not following),
    OldTable.RESERVATIONS: frozenset(
        one for one, following in NEXT_RESERVATION.items() if not following
    ),
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class TableMapping(_Part):
    """One table: its name ("" when there is none), its columns, its statuses' words."""

    table: str | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    statuses: dict[str, str] = Field(default_factory=dict)


class OldMapping(_Part):
    """All tables, and what holds for all rows."""

    prices_in_cents: bool = False
    vat_rate: str | None = None
    """The rate of rows that name none; without it their VAT is unknown, which is kept as rate 0."""
    reservation_minutes: int = Field(default=120, ge=15, le=720)
    restaurant: TableMapping = TableMapping()
    menu: TableMapping = TableMapping()
    categories: TableMapping = TableMapping()
    customers: TableMapping = TableMapping()
    orders: TableMapping = TableMapping()
    order_lines: TableMapping = TableMapping()
    reservations: TableMapping = TableMapping()

    @model_validator(mode="after")
    def _known_names(self) -> Self:
        for table in OldTable:
            fields, part = FIELDS[table], self.of(table)
            for name in part.columns:
                if name not in (*fields.required, *fields.optional):
                    known = ", ".join((*fields.required, *fields.optional))
                    raise ValueError(f"[{table}.columns] : « {name} » est inconnu ; {known}")
            for ours in part.statuses.values():
                if ours not in FINAL.get(table, ()):
                    known = ", ".join(sorted(FINAL.get(table, ())))
                    raise ValueError(f"[{table}.statuses] : « {ours} » n'est pas l'un de {known}")
        if self.vat_rate is not None:
            vat_rate_bp(self.vat_rate)
        return self

    @property
    def default_rate_bp(self) -> int:
        return 0 if self.vat_rate is None else vat_rate_bp(self.vat_rate)

    def of(self, table: OldTable) -> TableMapping:
        part: TableMapping = getattr(self, table)
        return part

    def name_of(self, table: OldTable) -> str:
        """What the table is called in the file; "" when it has none."""
        given = self.of(table).table
        return _TABLES[table] if given is None else given

    def status(self, table: OldTable, word: str) -> str | None:
        """Our final status for the old application's word; None when nothing says which."""
        plain = plain_words(word)
        given = {plain_words(theirs): ours for theirs, ours in self.of(table).statuses.items()}
        return given.get(plain) or STATUSES[table].get(plain.replace(" ", "_"))


def read_old_mapping(data: bytes) -> OldMapping:
    """Raises `OldFileRefused`, whose message says what to change in the TOML file."""
    if len(data) > MOST_MAPPING_BYTES:
        raise OldFileRefused("le fichier de correspondance dépasse 64 Ko")
    try:
        return OldMapping.model_validate(tomllib.loads(data.decode("utf-8-sig")))
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, path)) or 'correspondance'} : {message}"
            for path, message in faults_of(error)
        )
        raise OldFileRefused(faults) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise OldFileRefused(f"le fichier de correspondance n'est pas du TOML : {error}") from error
