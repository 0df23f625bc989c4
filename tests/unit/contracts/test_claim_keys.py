"""A claim is believed only as one of our workers signed it: for this call, attempt, worker, URL."""

from uuid import UUID

import pytest

from controlplane.contracts.claim_keys import WITHOUT_KEYS, ClaimKeys
from controlplane.contracts.messages import CallClaim
from controlplane.errors import ConfigurationError

pytestmark = pytest.mark.unit

NEW, OLD = "n" * 44, "o" * 44
CLAIM = CallClaim(
    call_id=UUID(int=7), attempt=2, worker_id="worker-1", url="ws://10.0.0.7:8080/calls/token"
)


def test_a_signed_claim_is_proven_and_survives_the_wire() -> None:
    keys = ClaimKeys.from_text(NEW)
    signed = keys.sign(CLAIM)
    assert keys.prove(CallClaim.model_validate_json(signed.to_json()))
    assert NEW not in signed.to_json()


@pytest.mark.parametrize(
    "changed",
    [
        {"url": "ws://203.0.113.66:8080/calls/token"},
        {"url": "wss://10.0.0.7:8080/calls/token"},
        {"worker_id": "worker-2"},
        {"attempt": 3},
        {"call_id": UUID(int=8)},
        {"signature": None},
        {"signature": "0" * 64},
    ],
    ids=str,
)
def test_whatever_was_changed_is_noticed(changed: dict[str, object]) -> None:
    keys = ClaimKeys.from_text(NEW)
    assert not keys.prove(keys.sign(CLAIM).model_copy(update=changed))


def test_keys_are_replaced_without_a_lost_call() -> None:
    """Bridges first get both keys, then workers the new one, then bridges lose the old one."""
    bridge = ClaimKeys.from_text(f"{NEW}, {OLD}")
    for worker in (OLD, NEW):
        assert bridge.prove(ClaimKeys.from_text(worker).sign(CLAIM))
    assert not ClaimKeys.from_text(NEW).prove(ClaimKeys.from_text(OLD).sign(CLAIM))


def test_without_keys_claims_are_as_they_were_before() -> None:
    assert "signature" not in WITHOUT_KEYS.sign(CLAIM).to_json()
    assert WITHOUT_KEYS.prove(CLAIM)
    assert WITHOUT_KEYS.prove(ClaimKeys.from_text(NEW).sign(CLAIM))
    assert not ClaimKeys.from_text(NEW).prove(CLAIM)


@pytest.mark.parametrize("text", ["short", f"{NEW},", f"{NEW},x", ","])
def test_a_key_that_could_be_guessed_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ConfigurationError, match="ALLORESTO_CLAIM_KEYS") as caught:
        ClaimKeys.from_text(text)
    assert NEW not in str(caught.value)
