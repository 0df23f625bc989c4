"""A dining plan that contradicts itself is refused with what to change; any other is kept."""

from typing import Any

import pytest
from pydantic import ValidationError

from controlplane.restaurants.dining_plan import DiningPlan

pytestmark = pytest.mark.unit


def plan(**changed: Any) -> dict[str, Any]:
    """A room of two tables that can be pushed together, and a dinner past midnight."""
    given: dict[str, Any] = {
        "areas": [
            {
                "name": "Salle",
                "tables": [
                    {"name": "1", "min_covers": 1, "max_covers": 2},
                    {"name": "2", "min_covers": 2, "max_covers": 4},
                ],
            }
        ],
        "combinations": [
            {"name": "1+2", "min_covers": 5, "max_covers": 6, "tables": ["1", "2"]},
        ],
        "shifts": [shift("Dîner")],
    }
    return given | changed


def shift(name: str, first: str = "19:00", last: str = "00:30", **changed: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "name": name,
        "weekdays": [4, 5],
        "first_seating": first,
        "last_seating": last,
        "turns": [{"up_to_covers": 4, "minutes": 90}, {"up_to_covers": 8, "minutes": 120}],
    }
    return given | changed


def test_a_plan_is_read_again_as_it_was_written() -> None:
    read = DiningPlan.model_validate(plan())
    assert DiningPlan.model_validate_json(read.model_dump_json()) == read


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"areas": [{"name": "Salle", "tables": []}] * 2, "combinations": []}, "Salle twice"),
        ({"areas": []}, "no table is called 1, 2"),
        ({"shifts": [shift("Dîner"), shift("Dîner", weekdays=[0])]}, "Dîner twice"),
        ({"shifts": [shift("Dîner"), shift("Nuit", "00:30", "02:00", weekdays=[6])]}, "overlap"),
        ({"shifts": [shift("Tôt", "18:00", "19:00"), shift("Dîner")]}, "overlap"),
        ({"shifts": [shift("Dîner", turns=[])]}, "at least 1 item"),
        ({"shifts": [shift("Dîner", last="25:00")]}, "hour value"),
        ({"shifts": [shift("Dîner", weekdays=[7])]}, "less than or equal to 6"),
        ({"combinations": [{"name": "x", "min_covers": 6, "max_covers": 5, "tables": ["1", "2"]}]},
         "min_covers is more"),
        ({"combinations": [{"name": "x", "min_covers": 1, "max_covers": 5, "tables": ["1"]}]},
         "at least 2 items"),
        ({"tabels": []}, "Extra inputs"),
        ({"areas": [{"name": "a\x00", "tables": []}], "combinations": []}, "match pattern"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        DiningPlan.model_validate(plan(**changed))


def test_shifts_that_follow_each_other_are_two() -> None:
    after = shift("Nuit", "00:31", "02:00", weekdays=[5, 6])
    assert len(DiningPlan.model_validate(plan(shifts=[shift("Dîner"), after])).shifts) == 2
