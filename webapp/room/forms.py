"""The dining room as it is typed, one part at a time; the plan is checked and written whole."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from controlplane.restaurants.dining_plan import (
    Area,
    Combination,
    DiningPlan,
    PlannedShift,
    PlanPart,
)
from webapp.forms import Form
from webapp.room.words import problem

Part = TypeVar("Part", bound=PlanPart)

SPARE_ROWS: Final = 4
"""So many empty rows stand below what is there: a form that is saved has new ones."""
MOST_ROWS: Final = 200
NUMBERS: Final = (
    "slot_minutes",
    "lead_minutes",
    "furthest_days",
    "cancel_minutes",
    "max_covers_a_slot",
    "max_covers",
)
LIMITS: Final = ("max_covers_a_slot", "max_covers")
"""Left empty, they limit nothing."""


def digest(plan: DiningPlan) -> str:
    """Name a plan by what it says, so that a form knows whether it changed meanwhile."""
    return sha256(plan.model_dump_json().encode()).hexdigest()[:16]


def rows_of(form: Form, prefix: str) -> list[int]:
    """The rows of a form that something is written in the first field of, by their numbers."""
    return [n for n in range(MOST_ROWS) if form.text(f"{prefix}-{n}")]


def fill_area(area: Area | None) -> Form:
    tables = area.tables if area else ()
    values = {"name": area.name if area else ""}
    for n, table in enumerate(tables):
        values |= {
            f"table-{n}": table.name,
            f"min-{n}": str(table.min_covers),
            f"max-{n}": str(table.max_covers),
        }
    return Form(values=values)


def read_area(form: Form) -> Area | None:
    rows = rows_of(form, "table")
    raw = {
        "name": form.text("name"),
        "tables": [
            {
                "name": form.text(f"table-{n}"),
                "min_covers": form.text(f"min-{n}"),
                "max_covers": form.text(f"max-{n}"),
            }
            for n in rows
        ],
    }
    names = {"name": "table", "min_covers": "min", "max_covers": "max"}
    fields = {
        ("tables", at, part): f"{name}-{n}"
        for at, n in enumerate(rows)
        for part, name in names.items()
    } | {("tables", at): f"min-{n}" for at, n in enumerate(rows)}
    return _checked(form, Area, raw, {("name",): "name", **fields})


def fill_combinations(plan: DiningPlan) -> Form:
    values: dict[str, str] = {}
    for n, one in enumerate(plan.combinations):
        values |= {
            f"tables-{n}": " + ".join(one.tables),
            f"min-{n}": str(one.min_covers),
            f"max-{n}": str(one.max_covers),
        }
    return Form(values=values)


def read_combinations(form: Form) -> tuple[Combination, ...] | None:
    """A combination is called by its tables, as they are written: "3 + 4"."""
    read: list[Combination] = []
    for n in rows_of(form, "tables"):
        tables = [name.strip() for name in form.text(f"tables-{n}").split("+") if name.strip()]
        raw = {
            "name": " + ".join(tables),
            "tables": tables,
            "min_covers": form.text(f"min-{n}"),
            "max_covers": form.text(f"max-{n}"),
        }
        fields = {
            (): f"min-{n}",
            ("min_covers",): f"min-{n}",
            ("max_covers",): f"max-{n}",
            ("tables",): f"tables-{n}",
            ("name",): f"tables-{n}",
        }
        one = _checked(form, Combination, raw, fields)
        read += [one] if one else []
    return None if form.errors else tuple(read)


def fill_shift(shift: PlannedShift | None) -> Form:
    """A new service begins as an evening of a usual restaurant."""
    if shift is None:
        shift = PlannedShift.model_validate(
            {
                "name": "Dîner",
                "weekdays": range(7),
                "first_seating": "19:00",
                "last_seating": "21:30",
                "turns": [
                    {"up_to_covers": 2, "minutes": 90},
                    {"up_to_covers": 4, "minutes": 105},
                    {"up_to_covers": 8, "minutes": 120},
                ],
            }
        )
    given = shift.model_dump()
    values = {
        "name": shift.name,
        "first_seating": f"{shift.first_seating:%H:%M}",
        "last_seating": f"{shift.last_seating:%H:%M}",
        **{name: "" if given[name] is None else str(given[name]) for name in NUMBERS},
    }
    for n, turn in enumerate(shift.turns):
        values |= {f"party-{n}": str(turn.up_to_covers), f"minutes-{n}": str(turn.minutes)}
    return Form(values=values, many={"weekday": tuple(map(str, sorted(shift.weekdays)))})


def read_shift(form: Form) -> PlannedShift | None:
    rows = rows_of(form, "party")
    numbers = {name: form.text(name) for name in NUMBERS}
    raw = {
        "name": form.text("name"),
        "weekdays": list(form.all("weekday")),
        "first_seating": form.text("first_seating"),
        "last_seating": form.text("last_seating"),
        **{name: text for name, text in numbers.items() if text or name not in LIMITS},
        "turns": [
            {"up_to_covers": form.text(f"party-{n}"), "minutes": form.text(f"minutes-{n}")}
            for n in rows
        ],
    }
    fields: dict[tuple[Any, ...], str] = {
        (name,): name for name in ("name", "first_seating", "last_seating", *NUMBERS)
    }
    fields |= {("weekdays",): "weekday", ("turns",): "party-0"}
    for at, n in enumerate(rows):
        fields |= {("turns", at, "up_to_covers"): f"party-{n}"}
        fields |= {("turns", at, "minutes"): f"minutes-{n}"}
    return _checked(form, PlannedShift, raw, fields)


def whole(form: Form, plan: DiningPlan, **parts: Any) -> DiningPlan | None:
    """The plan with these parts in place of its own, if it does not contradict itself."""
    raw = {name: getattr(plan, name) for name in DiningPlan.model_fields} | parts
    return _checked(form, DiningPlan, raw, {})


def _checked(
    form: Form, kind: type[Part], raw: Mapping[str, Any], fields: Mapping[tuple[Any, ...], str]
) -> Part | None:
    """Read it, or say of each field what is wrong: a fault of no field stands above the form."""
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        for each in error.errors(include_input=False, include_url=False):
            form.fail(fields.get(each["loc"], ""), problem(each))
        return None
