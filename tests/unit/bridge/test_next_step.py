"""What one gateway needs next, and how the restaurant's own phone is dialled."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from controlplane.bridge.gateways.accounts import Account, Role, fallback_dial
from controlplane.bridge.gateways.gateway import Gateway
from controlplane.bridge.gateways.next_step import Step, next_step
from controlplane.contracts.gateway_states import GatewayState

pytestmark = pytest.mark.unit

SOME_ID = UUID("01900000-0000-7000-8000-000000000001")
OWNED = Account(
    gateway_name="pizza-0a1b2c3d",
    role=Role.OWNER,
    epoch=7,
    config_version=3,
    state=GatewayState.REGED,
    state_epoch=7,
    auth_failures=0,
    bridge_id="bridge-0",
    former_bridge_id=None,
    placed_at=datetime(2026, 1, 1, tzinfo=UTC),
    registration_id=SOME_ID,
    restaurant_id=SOME_ID,
    username="0033199001234",
    domain=None,
    auth_username=None,
    password_encrypted="",
    slug="pizza",
    phone_e164="+33199001234",
    carrier_id="ovh",
    registrar="sip.example",
    outbound_proxy=None,
    transport="udp",
    expire_seconds=60,
    registers_per_second=10,
    max_auth_failures=3,
    codecs=("PCMA",),
    srtp="off",
    number_format="+e164",
)
FORMER = replace(OWNED, role=Role.FORMER, bridge_id="bridge-1", former_bridge_id="bridge-0")
UP = Gateway("pizza-0a1b2c3d", config_version=3, epoch=7, state=GatewayState.REGED)


@pytest.mark.parametrize(
    ("account", "gateway", "step"),
    [
        (None, None, Step.NOTHING),
        (None, UP, Step.REMOVE),
        (OWNED, None, Step.START),
        (OWNED, UP, Step.NOTHING),
        (replace(OWNED, config_version=4), UP, Step.REMOVE),
        (OWNED, replace(UP, deleting=True), Step.REMOVE),
        (replace(OWNED, epoch=9), UP, Step.REGISTER_AGAIN),
        (OWNED, replace(UP, needs_register=True), Step.REGISTER_AGAIN),
        (OWNED, replace(UP, needs_register=True, sip_code=900), Step.REMOVE),
        (FORMER, None, Step.RELEASE),
        (FORMER, UP, Step.GIVE_BACK),
        (FORMER, replace(UP, needs_register=True), Step.GIVE_BACK),
        (replace(FORMER, state=GatewayState.TRYING), UP, Step.NOTHING),
        (replace(FORMER, state_epoch=6), UP, Step.NOTHING),
        (replace(FORMER, state_epoch=6), replace(UP, needs_register=True), Step.REGISTER_AGAIN),
        (replace(FORMER, config_version=4, state_epoch=6), UP, Step.NOTHING),
    ],
)
def test_what_a_gateway_needs_next(
    account: Account | None, gateway: Gateway | None, step: Step
) -> None:
    assert next_step(account, gateway, suspended=False) is step


@pytest.mark.parametrize(("gateway", "step"), [(None, Step.NOTHING), (UP, Step.REMOVE)])
def test_a_suspended_account_is_registered_nowhere(gateway: Gateway | None, step: Step) -> None:
    assert next_step(OWNED, gateway, suspended=True) is step


def test_a_former_binding_outlives_the_suspension_of_its_account() -> None:
    waiting = replace(FORMER, state=GatewayState.SUSPENDED)
    assert next_step(waiting, UP, suspended=True) is Step.NOTHING


@pytest.mark.parametrize(
    ("state", "code", "step"),
    [
        (GatewayState.FAIL_WAIT, 403, Step.REMOVE),
        (GatewayState.FAIL_WAIT, 503, Step.NOTHING),
        (GatewayState.REGED, 200, Step.NOTHING),
    ],
)
def test_a_former_binding_refused_as_well_is_worth_nothing(
    state: GatewayState, code: int, step: Step
) -> None:
    waiting = replace(FORMER, state=GatewayState.SUSPENDED)
    assert next_step(waiting, replace(UP, state=state, sip_code=code), suspended=True) is step


@pytest.mark.parametrize(
    ("phone", "number_format", "dial"),
    [
        ("+33199001234", "+e164", "sofia/gateway/pizza-0a1b2c3d/+33199001234"),
        ("+33199001234", "00e164", "sofia/gateway/pizza-0a1b2c3d/0033199001234"),
        ("+33199001234", "national", "sofia/gateway/pizza-0a1b2c3d/0199001234"),
        ("+33899001234", "+e164", ""),
        ("112", "+e164", ""),
        ("+33199009999", "+e164", ""),  # its own line: the call would come back
    ],
)
def test_the_restaurants_phone_is_dialled_as_its_carrier_wants(
    phone: str, number_format: str, dial: str
) -> None:
    account = replace(OWNED, username="0199009999", phone_e164=phone, number_format=number_format)
    assert fallback_dial(account) == dial
