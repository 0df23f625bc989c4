"""The benchmark of faults judges a call: what its caller heard against what Postgres has."""

from dataclasses import replace
from typing import Any

import pytest

from aiworker.tools.refusals import in_words
from controlplane.local.bench.faults_orders import OrderedLine
from controlplane.local.bench.faults_replies import Reply, understood
from controlplane.local.bench.faults_verdict import LivedCall, StoredOrder, Tally, Verdict, judge
from controlplane.restaurants.errors import (
    CartEmpty,
    KeyOfAnotherCart,
    OrderNotCommitted,
    OrderUnsettled,
)
from controlplane.spoken.spoken_french import number, price

pytestmark = pytest.mark.unit

LINES = (OrderedLine("Reine", 2, ("olives", "jambon")), OrderedLine("Tiramisu", 1))
TOTAL = 2 * (1_150 + 100 + 200) + 550
STORED = StoredOrder(number=12, total_cents=TOTAL, lines=LINES)
CALL = LivedCall(
    lines=LINES,
    total_cents=TOTAL,
    answered=True,
    confirmed=True,
    said_yes=True,
    heard=(),
    silence_s=1.0,
)
REFUSED = in_words(OrderNotCommitted()).spoken
UNSURE = in_words(OrderUnsettled(reachable=True)).spoken


def placed(order_number: int = 12, cents: int = TOTAL) -> str:
    return (
        f"Votre commande numéro {number(order_number)} est enregistrée. "
        f"Elle sera prête à dix-neuf heures trente, pour {price(cents)}. Merci et à bientôt !"
    )


def judged(*words: str, orders: tuple[StoredOrder, ...] = (STORED,), **changes: Any) -> Verdict:
    return judge(replace(CALL, heard=words, **changes), orders)


@pytest.mark.parametrize(
    ("words", "reply"),
    [
        (placed(), Reply.PLACED),
        (REFUSED, Reply.NOT_PLACED),
        ("La commande n’est pas passée.", Reply.NOT_PLACED),
        (in_words(KeyOfAnotherCart()).spoken, Reply.NOT_PLACED),
        (UNSURE, Reply.UNSURE),
        (in_words(OrderUnsettled(reachable=False)).spoken, Reply.UNSURE),
        (f"Je récapitule : deux Reine. Total : {price(TOTAL)}. C'est bien cela ?", Reply.READ_BACK),
        ("C'est noté. Et avec ceci ?", Reply.NOTED),
        (in_words(CartEmpty()).spoken, Reply.EMPTY),
        ("Excusez-moi, reprenons. Je vous écoute.", Reply.UNCLEAR),
        ("", Reply.UNCLEAR),
    ],
)
def test_a_caller_understands_what_the_assistant_says(words: str, reply: Reply) -> None:
    assert understood(words) is reply


def test_an_order_placed_and_told_as_it_is_keeps_every_promise() -> None:
    verdict = judged("C'est noté. Et avec ceci ?", placed())
    assert verdict.broken == ()
    assert verdict.spoken
    assert verdict.in_database == 1


@pytest.mark.parametrize(
    ("words", "orders", "changes", "broken"),
    [
        pytest.param((placed(),), (), {}, ("lost", "told_wrong"), id="told placed, absent"),
        pytest.param((), (), {}, ("lost",), id="confirmed, told nothing, absent"),
        pytest.param((UNSURE,), (), {}, ("lost",), id="told unsure, never settled"),
        pytest.param((UNSURE,), (STORED,), {}, (), id="told unsure, settled since"),
        pytest.param((REFUSED,), (), {}, (), id="refused honestly"),
        pytest.param((REFUSED,), (STORED,), {}, ("told_wrong",), id="refused, and yet placed"),
        pytest.param((REFUSED, placed()), (STORED,), {}, (), id="the last word counts"),
        pytest.param((), (STORED,), {}, (), id="placed, and hung up before hearing so"),
        pytest.param((placed(13),), (STORED,), {}, ("told_wrong",), id="another number"),
        pytest.param((placed(1),), (STORED,), {}, ("told_wrong",), id="a number in another"),
        pytest.param((placed(cents=4_200),), (STORED,), {}, ("told_wrong",), id="another total"),
        pytest.param((placed()[:41],), (STORED,), {}, (), id="the total was not heard"),
        pytest.param((placed(),), (STORED, STORED), {}, ("doubled",), id="twice"),
        pytest.param(
            (), (STORED,), {"confirmed": False, "said_yes": False}, ("wrong",), id="without a yes"
        ),
        pytest.param((), (STORED,), {"confirmed": False}, (), id="a yes that was half heard"),
        pytest.param((), (), {"confirmed": False}, (), id="never confirmed"),
        pytest.param((), (), {"given_to_a_human": True}, (), id="put through before it was told"),
        pytest.param((), (), {"cut_by_freeswitch": True}, (), id="cut with its switch"),
        pytest.param(
            (placed(),),
            (),
            {"cut_by_freeswitch": True},
            ("lost", "told_wrong"),
            id="cut with its switch, after it was told",
        ),
        pytest.param(
            (UNSURE,), (), {"given_to_a_human": True}, ("lost",), id="unsure, then put through"
        ),
        pytest.param((), (), {"confirmed": False, "answered": False}, ("never_answered",), id="no"),
    ],
)
def test_what_is_broken(
    words: tuple[str, ...],
    orders: tuple[StoredOrder, ...],
    changes: dict[str, bool],
    broken: tuple[str, ...],
) -> None:
    assert judged(*words, orders=orders, **changes).broken == broken


@pytest.mark.parametrize(
    "stored",
    [
        replace(STORED, lines=LINES[:1]),
        replace(STORED, lines=(OrderedLine("Reine", 3, ("olives", "jambon")), LINES[1])),
        replace(STORED, lines=(OrderedLine("Reine", 2, ("olives",)), LINES[1])),
        replace(STORED, total_cents=TOTAL - 100),
    ],
)
def test_an_order_that_is_not_what_was_read_back_is_wrong(stored: StoredOrder) -> None:
    assert "wrong" in judged(orders=(stored,)).broken


def test_lines_and_options_may_come_in_any_order() -> None:
    lines = (LINES[1], OrderedLine("Reine", 2, ("jambon", "olives")))
    assert judged(placed(), orders=(replace(STORED, lines=lines),)).broken == ()


def test_more_than_three_seconds_of_silence_are_too_much() -> None:
    assert judge(replace(CALL, silence_s=3.0), (STORED,)).broken == ()
    assert judge(replace(CALL, silence_s=3.01), (STORED,)).broken == ("silence",)


def test_a_tally_sums_the_verdicts_and_keeps_the_longest_silence() -> None:
    tally = Tally.of(
        [
            judged(placed()),
            judged(placed(), orders=()),
            judge(
                replace(CALL, silence_s=4.126, confirmed=False, said_yes=False), (STORED, STORED)
            ),
        ]
    )
    assert tally == Tally(
        orders_spoken=2,
        orders_in_db=3,
        orders_lost=1,
        orders_doubled=1,
        orders_wrong=2,
        told_wrong=1,
        silence_s_max=4.13,
        never_answered=0,
    )
