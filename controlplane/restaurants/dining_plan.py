"""A restaurant's dining room as one value: areas with their tables, combinations, shifts. Pure.

Whoever changes something reads the plan, changes it and writes it whole: so it is checked whole.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from controlplane.restaurants.hour_windows import Window, check_week
from controlplane.restaurants.setup_errors import HoursOverlap

Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^\p{C}]+$"),
]
Weekday = Annotated[int, Field(ge=0, le=6)]
"""0 is Monday."""


class PlanPart(BaseModel):
    """A part of the plan; what it does not know is refused, for it would be lost."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Covers(PlanPart):
    """Parties of `min_covers` to `max_covers` are given it."""

    name: Name
    min_covers: int = Field(ge=1)
    max_covers: int = Field(ge=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_covers > self.max_covers:
            raise PydanticCustomError(
                "covers_reversed", "{name}: min_covers is more than max_covers", {"name": self.name}
            )
        return self


class Table(Covers):
    """One table, which staff call by its name."""

    max_covers: int = Field(ge=1, le=100)


class Combination(Covers):
    """Tables, by name, that are pushed together."""

    max_covers: int = Field(ge=1, le=200)
    tables: tuple[Name, ...] = Field(min_length=2, max_length=20)


class Area(PlanPart):
    """A room or a terrace. The tables are in the order in which they are given away."""

    name: Name
    tables: tuple[Table, ...] = Field(max_length=200)


class Turn(PlanPart):
    """A party of up to `up_to_covers` keeps its table for so many minutes."""

    up_to_covers: int = Field(ge=1, le=200)
    minutes: int = Field(ge=15, le=720)


class PlannedShift(PlanPart):
    """When parties sit down; past midnight when the last seating is before the first."""

    name: Name
    weekdays: frozenset[Weekday] = Field(min_length=1)
    first_seating: time
    last_seating: time
    slot_minutes: int = Field(default=15, ge=5, le=240)
    lead_minutes: int = Field(default=60, ge=0, le=10_080)
    furthest_days: int = Field(default=60, ge=0, le=730)
    cancel_minutes: int = Field(default=120, ge=0, le=10_080)
    max_covers_a_slot: int | None = Field(default=None, ge=1)
    max_covers: int | None = Field(default=None, ge=1)
    turns: tuple[Turn, ...] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def _turns_differ(self) -> Self:
        _refuse_twice(f"turns of {self.name}", (str(one.up_to_covers) for one in self.turns))
        return self

    @property
    def seatings(self) -> Window:
        """A window with the last seating in it: another shift begins after it."""
        after = datetime.combine(date.min, self.last_seating) + timedelta(minutes=1)
        return self.first_seating, after.time()


class DiningPlan(PlanPart):
    """The whole room. Raises pydantic's `ValidationError` when it contradicts itself, whose types
    and values say how: `twice`, `unknown_table`, `covers_reversed`, `shifts_overlap`.
    """

    areas: tuple[Area, ...] = Field(default=(), max_length=30)
    combinations: tuple[Combination, ...] = Field(default=(), max_length=200)
    shifts: tuple[PlannedShift, ...] = Field(default=(), max_length=20)

    @property
    def tables(self) -> tuple[Table, ...]:
        return tuple(table for area in self.areas for table in area.tables)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        tables = {table.name for table in self.tables}
        _refuse_twice("areas", (one.name for one in self.areas))
        _refuse_twice("tables", (one.name for one in self.tables))
        _refuse_twice("combinations", (one.name for one in self.combinations))
        _refuse_twice("shifts", (one.name for one in self.shifts))
        for one in self.combinations:
            _refuse_twice(f"tables of {one.name}", one.tables)
            if unknown := set(one.tables) - tables:
                raise PydanticCustomError(
                    "unknown_table",
                    "{name}: no table is called {tables}",
                    {"name": one.name, "tables": ", ".join(sorted(unknown))},
                )
        self._check_shifts()
        return self

    def _check_shifts(self) -> None:
        week: dict[int, list[Window]] = {}
        for shift in self.shifts:
            for day in shift.weekdays:
                week.setdefault(day, []).append(shift.seatings)
        try:
            check_week(week)
        except HoursOverlap as overlap:
            raise PydanticCustomError(
                "shifts_overlap", "two shifts take guests at once: {why}", {"why": str(overlap)}
            ) from None


def _refuse_twice(what: str, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise PydanticCustomError(
            "twice", "{what}: {names} twice", {"what": what, "names": ", ".join(twice)}
        )
