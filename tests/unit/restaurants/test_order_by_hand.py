"""What somebody types becomes a cart by the menu's rules and loses no line; and it is wanted for a
time at which the kitchen is there.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from controlplane.contracts.opening import OpeningKind
from controlplane.restaurants.cart import MOST_LINES, MOST_OF_ONE
from controlplane.restaurants.decision import Answer, Possibility, Rule, RuleType
from controlplane.restaurants.errors import (
    CartFull,
    DishSoldOut,
    OffMenu,
    OptionMissing,
    TimeRefused,
    TooManyOfOne,
)
from controlplane.restaurants.order_by_hand import TypedLine, cart_of, with_line
from controlplane.restaurants.wanted_times import LONGEST_AHEAD, check_wanted, wanted_times
from tests.small_menu import CALZONE, COLA, CONFIG, DOUGH, EXTRAS, MARGHERITA, RESTAURANT, WATER

pytestmark = pytest.mark.unit

FINE, EGG = DOUGH.options[0].id, EXTRAS.options[1].id
PIZZA = TypedLine(item_id=MARGHERITA.id, option_ids=(FINE, EGG), quantity=2)
PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 11, 27, 19, 42, tzinfo=PARIS)


def test_faulty_lines_stay_with_their_fault() -> None:
    unknown = TypedLine(item_id=RESTAURANT)
    lines = [
        PIZZA,
        TypedLine(item_id=CALZONE.id),
        TypedLine(item_id=MARGHERITA.id),
        unknown,
        TypedLine(item_id=WATER.id, option_ids=(EGG,)),
        TypedLine(item_id=COLA.id),
    ]
    typed = cart_of(lines, CONFIG.menu)
    assert [each.line for each in typed.lines] == lines
    assert [type(each.fault) for each in typed.lines] == [
        type(None),
        DishSoldOut,
        OptionMissing,
        OffMenu,
        OffMenu,
        type(None),
    ]
    assert typed.cart.total_cents == 2 * 1050 + 300
    assert isinstance(typed.first_fault, DishSoldOut)


def test_the_same_dish_again_is_more_of_it() -> None:
    turned = replace(PIZZA, option_ids=(EGG, FINE), quantity=3)
    lines = with_line(with_line((), PIZZA), turned)
    assert lines == (replace(PIZZA, quantity=5),)
    other = replace(PIZZA, option_ids=(FINE,))
    assert with_line(lines, other) == (*lines, other)
    with pytest.raises(TooManyOfOne):
        with_line(lines, replace(PIZZA, quantity=MOST_OF_ONE))
    with pytest.raises(CartFull):
        with_line((other,) * MOST_LINES, PIZZA)


def answer(until: datetime | None) -> Answer:
    return Answer(
        kind=OpeningKind.PICKUP,
        at=NOW,
        open=True,
        until=until,
        following=Possibility(None, "demain"),
        rule=Rule(RuleType.WEEK, "pickup:friday", "ouvert"),
        date=date(2026, 11, 27),
        preparation_minutes=20,
    )


def test_it_is_wanted_while_the_kitchen_is_there() -> None:
    open_late = answer(datetime(2026, 11, 27, 21, 0, tzinfo=PARIS))
    assert [f"{at:%H:%M}" for at in wanted_times(open_late)] == [
        "20:15",
        "20:30",
        "20:45",
        "21:00",
    ]
    for at in (*wanted_times(open_late), open_late.ready_at):
        check_wanted(open_late, at)
    for wrong in (NOW, NOW + timedelta(hours=2), NOW + timedelta(days=1)):
        with pytest.raises(TimeRefused):
            check_wanted(open_late, wrong)


def test_at_closing_time_and_where_nobody_closes() -> None:
    closing = answer(NOW + timedelta(minutes=3))
    assert wanted_times(closing) == ()
    check_wanted(closing, closing.ready_at)
    always = wanted_times(answer(None))
    assert NOW + LONGEST_AHEAD - timedelta(minutes=15) < always[-1] <= NOW + LONGEST_AHEAD


def test_when_clocks_go_back_no_quarter_is_left_out_or_told_twice() -> None:
    before = replace(answer(None), at=datetime(2026, 10, 25, 1, 30, tzinfo=PARIS))
    instants = [at.timestamp() for at in wanted_times(before)]
    assert all(later - at == 900 for at, later in pairwise(instants))
