"""The rows of one table are read, judged and written by the batch, and counted as they go."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Generic, TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.restaurants.old_application.errors import LeftOut, RowRefused
from controlplane.restaurants.old_application.mapping import OldTable
from controlplane.restaurants.old_application.sqlite_file import SqliteFile
from controlplane.tenancy import restaurant_session

BATCH: Final = 200
"""So many orders are written in some 200 ms, for which the restaurant's live orders wait."""
TWICE: Final = "identifiant vide ou utilisé plusieurs fois : donnez à chaque ligne le sien"
NUMBER_TAKEN: Final = (
    "une autre commande du même jour a ce numéro : corrigez-le, ou retirez « number » de"
    " [orders.columns] pour que l'identifiant en tienne lieu"
)
_REPLAN: Final = text("DISCARD PLANS")
"""Triggers that were planned while their tables were empty would read them whole for each row, and
nothing tells the session that they have grown since.
"""
_OTHERWISE: Final = "la base refuse cette ligne ({constraint}) : corrigez-la"
_CONSTRAINTS: Final = {"uq_order_restaurant_id_service_date_number": NUMBER_TAKEN}

R = TypeVar("R")
T = TypeVar("T")
Tell = Callable[[OldTable, object, str], None]
"""Is told of each row that is refused: its table, its old id, and what to change."""


@dataclass(slots=True)
class Count:
    """What became of one table's rows: each was read, refused, or left out as it has to be."""

    in_file: int
    read: int = 0
    refused: int = 0
    left_out: int = 0
    new: int = 0
    """So many of those that were read were not in the database before."""

    @property
    def complete(self) -> bool:
        """Whether no row was lost on the way."""
        return self.in_file == self.read + self.refused + self.left_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Generic[R]):
    """One table: its rows by old id, each as the function that reads it; how read rows are written,
    in one transaction, and added to the file's totals.
    """

    table: OldTable
    rows: Iterable[tuple[object, Callable[[], R]]]
    write: Callable[[AsyncSession, Sequence[R]], Awaitable[int]]
    add: Callable[[Sequence[R]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """Takes parts over for one restaurant; a dry run writes nothing."""

    sessions: async_sessionmaker[AsyncSession]
    restaurant_id: UUID
    file: SqliteFile
    tell: Tell
    dry_run: bool
    counts: dict[OldTable, Count] = field(default_factory=dict)

    def count(self, table: OldTable) -> Count:
        return self.counts.setdefault(table, Count(self.file.count(table)))

    def refuse(self, table: OldTable, old_id: object, reason: str, *, rows: int = 1) -> None:
        """Count the row, and tell of it."""
        self.count(table).refused += rows
        self.tell(table, old_id, reason)

    async def take(self, part: Part[R]) -> None:
        """Raises the database's errors; what was written until then is kept, and found again."""
        twice = self.file.ids_used_twice(part.table)
        for old_id, rows in twice.items():
            self.refuse(part.table, old_id, TWICE, rows=rows)
        for batch in _batches(part.rows):
            read = [
                (old_id, one)
                for old_id, reader in batch
                if old_id not in twice
                and (one := self._read(part.table, old_id, reader)) is not None
            ]
            taken = read if self.dry_run else await self._write(part, read)
            self.count(part.table).read += len(taken)
            part.add([one for _, one in taken])

    def _read(self, table: OldTable, old_id: object, reader: Callable[[], R]) -> R | None:
        try:
            return reader()
        except RowRefused as refused:
            self.refuse(table, old_id, str(refused))
        except LeftOut:
            self.count(table).left_out += 1
        return None

    async def _write(
        self, part: Part[R], read: Sequence[tuple[object, R]]
    ) -> Sequence[tuple[object, R]]:
        """Return those that are in the database now. Of a batch that it refuses, each is written by
        itself: one wrong row costs no other.
        """
        if not read:
            return ()
        try:
            async with (
                restaurant_session(self.sessions, self.restaurant_id) as session,
                session.begin(),
            ):
                await session.execute(_REPLAN)
                new = await part.write(session, [one for _, one in read])
        except IntegrityError as error:
            if len(read) > 1:
                return [one for each in read for one in await self._write(part, [each])]
            self.refuse(part.table, read[0][0], _reason(error))
            return ()
        self.count(part.table).new += new
        return read


def _reason(error: IntegrityError) -> str:
    constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None) or "?"
    return _CONSTRAINTS.get(constraint, _OTHERWISE.format(constraint=constraint))


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        yield batch
