"""The words for a gateway's state: each is told apart, sorted once, and a strange one is read."""

import pytest

from controlplane.contracts.gateway_states import NEXT, GatewayState

pytestmark = pytest.mark.unit

OURS = {
    GatewayState.SUSPENDED,
    GatewayState.UNRESOLVED,
    GatewayState.INVALID,
    GatewayState.UNKNOWN,
}


def test_the_table_of_transitions_is_about_freeswitchs_states_alone() -> None:
    assert {state for state in GatewayState if state.ours} == OURS
    assert not OURS & frozenset[GatewayState]().union(*NEXT.values())


def test_a_binding_comes_after_the_carriers_answer_and_nothing_else() -> None:
    """TRYING: our `register` was on its way while FreeSWITCH refreshed."""
    before = {state for state in GatewayState if GatewayState.REGED.may_follow(state)} - OURS
    assert before == {GatewayState.REGISTER, GatewayState.TRYING, GatewayState.REGED}


@pytest.mark.parametrize("word", ["", None, "REGISTERED", "reged"])
def test_a_word_of_another_version_is_unknown(word: str | None) -> None:
    assert GatewayState.read(word) is GatewayState.UNKNOWN


@pytest.mark.parametrize("state", GatewayState)
def test_what_is_stored_is_read_again(state: GatewayState) -> None:
    assert GatewayState.read(str(state)) is state


@pytest.mark.parametrize("state", GatewayState)
def test_a_new_owner_is_registered_refused_or_on_its_way(state: GatewayState) -> None:
    on_its_way = state.refreshing or state is GatewayState.DOWN
    assert [state.registered, state.refused, on_its_way].count(True) == 1
