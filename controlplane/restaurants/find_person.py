"""Where a person is written in a restaurant's rows: every text and JSON column is searched.

The columns come from the catalogue, so that a table made tomorrow is searched too. Audio is not:
recordings are deleted, with their rows.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import phonenumbers
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_COLUMNS: Final = text(
    """
SELECT c.relname, has_table_privilege(c.oid, 'SELECT'),
  array_agg(quote_ident(a.attname) ORDER BY a.attnum)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_type base ON base.oid = coalesce(nullif(t.typelem, 0), nullif(t.typbasetype, 0))
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
  AND NOT c.relispartition
  AND (c.relname = 'restaurant' OR EXISTS (
    SELECT FROM pg_attribute o
    WHERE o.attrelid = c.oid AND o.attname = 'restaurant_id' AND NOT o.attisdropped))
  AND ARRAY[t.typname, base.typname]
      && ARRAY['text', 'varchar', 'bpchar', 'citext', 'json', 'jsonb']::name[]
GROUP BY c.oid, c.relname ORDER BY c.relname
"""
)

_BETWEEN: Final = r"(?:\\u[0-9a-f]{4}|[^0-9A-Za-z]){0,3}"
"""What people put between digits: spaces of any width, dots, dashes, brackets; in JSON some of them
are written as an escape."""
_OWN_WORDS: Final = re.compile(
    r"restaurant$|faq$|menu|item|option|opening|ingredient|allergen|dining|shift|combination"
)
"""Tables with the restaurant's own words: a pizza called Camille is no customer."""
LEAST_NAME: Final = 3
"""A shorter name is found in too many words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextColumns:
    """The text and JSON columns of one table, by their quoted names; whether they may be read."""

    table: str
    names: Sequence[str]
    readable: bool

    @property
    def owner(self) -> str:
        """The column that says whose a row is."""
        return "id" if self.table == "restaurant" else "restaurant_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How many columns were looked at, and rows found, by `table.column`."""

    columns: int
    unreadable: int
    found: dict[str, int]


async def text_columns(session: AsyncSession) -> list[TextColumns]:
    """Every text and JSON column of the tables that hold restaurants' rows, and of theirs."""
    return [
        TextColumns(table=table, names=names, readable=readable)
        for table, readable, names in await session.execute(_COLUMNS)
    ]


async def see_only(session: AsyncSession, restaurant_id: UUID) -> None:
    """Name the restaurant for this transaction: of most tables an admin sees no other rows."""
    await session.execute(
        text("SELECT set_config('app.restaurant_id', :id, true)"), {"id": str(restaurant_id)}
    )


def number_pattern(e164: str) -> str:
    """A regular expression, Python's and Postgres's, that finds the number in its usual spellings:
    +33…, 0033…, 33…, 06…, with whatever stands between the digits.
    """
    number = phonenumbers.parse(e164)
    national = phonenumbers.national_significant_number(number)
    return rf"(?:0|{number.country_code}){_BETWEEN}{_BETWEEN.join(national)}(?![0-9])"


def name_pattern(name: str) -> str:
    """A regular expression that finds the name as words of their own, however they are spaced."""
    words = (re.sub(r"(\W)", r"\\\1", word) for word in name.split())
    spaced = r"\s+".join(words)
    return rf"\y{spaced}\y"


async def find_person(
    session: AsyncSession, restaurant_id: UUID, e164: str, names: Iterable[str]
) -> Search:
    """Search everything this restaurant has for the number and the names.

    Names are found in any case, in all tables but those with the restaurant's own words.
    """
    await see_only(session, restaurant_id)
    patterns = {f"name_{at}": name_pattern(name) for at, name in enumerate(names)}
    everything = await text_columns(session)
    found: dict[str, int] = {}
    for columns in everything:
        if columns.readable:
            searched = {} if _OWN_WORDS.match(columns.table) else patterns
            found |= await _count(session, columns, restaurant_id, number_pattern(e164), searched)
    return Search(
        columns=sum(len(each.names) for each in everything if each.readable),
        unreadable=sum(len(each.names) for each in everything if not each.readable),
        found=found,
    )


async def _count(
    session: AsyncSession,
    columns: TextColumns,
    restaurant_id: UUID,
    number: str,
    names: Mapping[str, str],
) -> dict[str, int]:
    """Rows that hold one of the patterns, by `table.column`."""
    counts = ", ".join(f"count(*) FILTER (WHERE {_holds(name, names)})" for name in columns.names)
    counted = await session.execute(
        text(f'SELECT {counts} FROM "{columns.table}" WHERE {columns.owner} = :restaurant_id'),
        {"restaurant_id": restaurant_id, "number": number, **names},
    )
    by_column = zip(columns.names, counted.one(), strict=True)
    return {f"{columns.table}.{name}": count for name, count in by_column if count}


def _holds(column: str, names: Mapping[str, Any]) -> str:
    return " OR ".join(
        [f"{column}::text ~ :number", *(f"{column}::text ~* :{name}" for name in names)]
    )
