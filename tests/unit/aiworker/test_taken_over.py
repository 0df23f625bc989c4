"""Somebody at the restaurant wants the caller, or the call to end: the assistant stops in mid-word,
or takes leave first.
"""

import pytest

from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.messages import (
    Clear,
    EndWanted,
    HandOverWanted,
    Hangup,
    Transfer,
    TransferFailed,
)
from tests.unit.aiworker.one_call import OneCall

pytestmark = pytest.mark.unit


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch) -> OneCall:
    return OneCall(monkeypatch)


def test_the_assistant_gives_the_caller_away_and_takes_them_back(one: OneCall) -> None:
    target_id = new_id()
    one.end_greeting()
    session = one.open_session()
    one.says("Il vous faut autre chose, un dessert peut-être ?", ms=4_000)
    one.wait(0.4)
    one.asked_of_bridge()
    one.call.on_bridge_message(HandOverWanted(target_id=target_id))
    asked = one.asked_of_bridge()
    assert [type(message) for message in asked] == [Clear, Transfer]
    assert asked[-1] == Transfer(reason="restaurant", target_id=target_id)
    one.wait(20)
    assert (session.responses, one.asked_of_bridge()) == (0, [])
    one.call.on_bridge_message(HandOverWanted(target_id=target_id))
    assert one.asked_of_bridge() == [], "somebody is rung already"
    one.call.on_bridge_message(TransferFailed(cause="NO_ANSWER"))
    one.wait(0.5)
    assert "Personne n'a pris l'appel" in session.told[-1]
    assert session.responses == 1


def test_the_assistant_takes_leave_before_the_call_ends(one: OneCall) -> None:
    one.end_greeting()
    session = one.open_session()
    one.call.on_bridge_message(EndWanted())
    assert "Le restaurant met fin à cet appel" in session.told[-1]
    one.wait(1)
    assert Hangup(outcome=CallOutcome.INFORMATION) not in one.asked_of_bridge()
    one.says("Le restaurant doit mettre fin à cet appel. Au revoir !")
    one.wait(2)
    assert one.asked_of_bridge()[-1] == Hangup(outcome=CallOutcome.INFORMATION)


def test_nothing_is_done_over_the_greeting(one: OneCall) -> None:
    for message in (HandOverWanted(), EndWanted()):
        one.call.on_bridge_message(message)
        one.wait(1)
    assert not {type(message) for message in one.asked_of_bridge()} & {Transfer, Hangup}
