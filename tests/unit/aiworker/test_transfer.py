"""Whom the assistant may transfer to: who is on the restaurant's list, never a dictated number."""

import pytest

from aiworker.realtime.session import instructions
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.restaurant_config import TransferTarget
from tests.small_menu import CONFIG
from tests.unit.aiworker.one_order import Talk

pytestmark = pytest.mark.unit

MANAGER = TransferTarget(id=new_id(), name="le gérant")


@pytest.fixture
def talk() -> Talk:
    talk = Talk()
    talk.context.config = CONFIG.model_copy(update={"transfer_targets": (MANAGER,)})
    return talk


async def test_a_person_of_the_list_is_named_and_found(talk: Talk) -> None:
    result = await talk.call("transfer_to_human", person="Le gérant")
    assert result["spoken"] == "Je vous passe le gérant, ne quittez pas."
    assert talk.context.ending.transfer_target == MANAGER.id


@pytest.mark.parametrize("person", ["", "le restaurant"])
async def test_by_default_it_is_the_restaurant(talk: Talk, person: str) -> None:
    result = await talk.call("transfer_to_human", person=person)
    assert result["spoken"] == "Je vous passe le restaurant, ne quittez pas."
    assert talk.context.ending.transfer_reason == "asked"
    assert talk.context.ending.transfer_target is None


@pytest.mark.parametrize("person", ["+33899123456", "17", "le maire"])
async def test_nobody_else_is_rung(talk: Talk, person: str) -> None:
    result = await talk.call("transfer_to_human", person=person)
    assert result["status"] == "error"
    assert result["people"] == ["le restaurant", "le gérant"]
    assert not talk.context.ending.decided


async def test_a_message_replaces_the_transfer(talk: Talk) -> None:
    await talk.call("transfer_to_human", person="le gérant")
    result = await talk.call("take_message")
    assert result["status"] == "ok"
    ending = talk.context.ending
    assert (ending.message, ending.transfer_reason, ending.transfer_target) == (True, None, None)


def test_the_agent_knows_whom_it_can_reach(talk: Talk) -> None:
    text = instructions(talk.context.config)
    assert "Personnes à joindre : le restaurant, le gérant." in text
