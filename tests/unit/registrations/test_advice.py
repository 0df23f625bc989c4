"""`alloresto sip explain` tells each state apart, and its last sentence says what to do next."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from controlplane.contracts.gateway_states import GatewayState
from controlplane.registrations.advice import explanation
from controlplane.registrations.report import AccountReport

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 27, 20, 0, tzinfo=UTC)


def account(**changes: Any) -> AccountReport:
    return AccountReport(
        **{
            "registration_id": UUID(int=1),
            "restaurant_id": UUID(int=2),
            "gateway": "bella-napoli-0a1b2c3d",
            "slug": "bella-napoli",
            "restaurant": "Bella Napoli",
            "restaurant_status": "live",
            "carrier": "ovh",
            "username": "0033199001234",
            "domain": None,
            "auth_username": None,
            "registrar": "siptrunk.example.net",
            "carrier_domain": None,
            "outbound_proxy": None,
            "transport": "udp",
            "config_version": 1,
            "bridge": "bridge-1",
            "requested_bridge": None,
            "former_bridge": None,
            "epoch": 1,
            "placement_reason": "new",
            "placed_at": NOW - timedelta(hours=1),
            "reported_state": GatewayState.REGED,
            "state_epoch": 1,
            "state_at": NOW - timedelta(minutes=5),
            "last_sip_code": None,
            "next_retry_at": None,
            "auth_failures": 0,
            "max_auth_failures": 5,
            "carrier_refuses_since": None,
            "bridge_seen_at": NOW,
            "bridge_draining_since": None,
            "now": NOW,
            **changes,
        }
    )


def told(state: GatewayState) -> str:
    return " ".join(explanation(account(reported_state=state), rooms=10))


def test_what_never_reached_the_carrier_is_not_told_as_its_silence() -> None:
    for state in (GatewayState.UNRESOLVED, GatewayState.INVALID):
        assert "The carrier has not answered" not in told(state)
    assert "DNS" in told(GatewayState.UNRESOLVED)
    assert "alloresto sip trace bella-napoli-0a1b2c3d" in told(GatewayState.INVALID)


@pytest.mark.parametrize("state", GatewayState)
def test_the_last_sentence_says_what_to_do_next(state: GatewayState) -> None:
    sentences = explanation(account(reported_state=state), rooms=10)

    assert sentences[-1].startswith(("Next: ", "Then: "))


def test_no_two_states_that_need_different_deeds_read_alike() -> None:
    texts = {
        told(state)
        for state in (
            GatewayState.REGED,
            GatewayState.TRYING,
            GatewayState.FAIL_WAIT,
            GatewayState.UNRESOLVED,
            GatewayState.INVALID,
        )
    }

    assert len(texts) == 5


def test_a_carriers_outage_is_not_told_as_a_wrong_password() -> None:
    refused = {
        "reported_state": GatewayState.SUSPENDED,
        "auth_failures": 5,
        "last_sip_code": 403,
        "placed_at": NOW - timedelta(days=1),
    }
    alone = " ".join(explanation(account(**refused), rooms=10))
    assert "tried again by itself, once, in" in alone
    assert "alloresto sip retry bella-napoli-0a1b2c3d" in alone
    since = NOW - timedelta(minutes=12)
    outage = " ".join(explanation(account(**refused, carrier_refuses_since=since), rooms=10))
    assert "ovh has refused many accounts at once for 12 min" in outage
    assert "Next: nothing on this account" in outage
