"""Which tables a party gets: a pure choice among the tables and combinations that are free."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class During:
    """A stretch of time, `starts_at` included and `ends_at` not."""

    starts_at: datetime
    ends_at: datetime

    def overlaps(self, other: "During") -> bool:
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


@dataclass(frozen=True, slots=True)
class Taken:
    """A table is not to be had in this time."""

    table_id: UUID
    during: During


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One table, or the tables of one combination, and the parties that are given it."""

    table_ids: frozenset[UUID]
    area_ids: frozenset[UUID]
    """It is in this area, or across these."""
    min_covers: int
    max_covers: int
    rank: tuple[int, str]
    """The lower one is taken of two that suit equally."""

    def suits(self, party: int, area_id: UUID | None) -> bool:
        return self.min_covers <= party <= self.max_covers and (
            area_id is None or self.area_ids == {area_id}
        )


def free_place(
    places: Sequence[Place],
    taken: Iterable[Taken],
    during: During,
    *,
    party: int,
    area_id: UUID | None = None,
) -> Place | None:
    """Return the place that a party gets: the fewest tables, of these the smallest, or None.

    A combination comes last although it may fit better: it takes tables from several parties.
    """
    busy = {one.table_id for one in taken if one.during.overlaps(during)}
    suiting = [
        place
        for place in places
        if place.suits(party, area_id) and place.table_ids.isdisjoint(busy)
    ]
    return min(suiting, key=lambda p: (len(p.table_ids), p.max_covers, p.rank), default=None)
