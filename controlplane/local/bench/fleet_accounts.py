"""The restaurants of a fleet, as many as asked, each with an account at the fleet's carrier."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine, func
from sqlalchemy.dialects.postgresql import insert

from controlplane.contracts.identifiers import new_id
from controlplane.local.demo.restaurant import AS_MANY_CALLS_AS_COME
from controlplane.models.carrier import Carrier
from controlplane.models.nodes import SipBridgeNode
from controlplane.models.restaurant import Restaurant
from controlplane.models.sip_registration import PlacementReason, SipRegistration
from controlplane.secret_box import SecretBox

CARRIER_ID = "fleet"
RESTAURANT_PHONE = "+33199005678"
"""Transfers ring here: in the range ARCEP keeps for fiction, as all numbers here."""


@dataclass(frozen=True, slots=True)
class FleetAccount:
    """One restaurant, and its account at the carrier."""

    restaurant_id: UUID
    number: str
    gateway_name: str


def numbers(count: int) -> list[str]:
    """Return `0033199000000` and the following: account names at the carrier. At most 10,000."""
    return [f"003319900{index:04d}" for index in range(count)]


def add_carrier(
    engine: Engine, *, registrar: str, registers_per_second: int, expire_seconds: int
) -> None:
    """Insert the carrier that all of them have their account at."""
    with engine.begin() as connection:
        connection.execute(
            insert(Carrier).values(
                id=CARRIER_ID,
                name="Opérateur du banc d’essai",
                registrar=registrar,
                registers_per_second=registers_per_second,
                expire_seconds=expire_seconds,
                source_networks=["127.0.0.0/8"],
            )
        )


def add_bridge(engine: Engine, bridge_id: str, *, capacity: int) -> None:
    """Insert a bridge as the controller does when it first hears of one."""
    with engine.begin() as connection:
        connection.execute(
            insert(SipBridgeNode)
            .values(id=bridge_id, capacity=capacity, last_seen_at=func.now())
            .on_conflict_do_nothing()
        )


def add_restaurants(
    engine: Engine,
    secrets: SecretBox,
    *,
    passwords: Iterable[tuple[str, str]],
    bridge_id: str | None = None,
) -> Sequence[FleetAccount]:
    """Insert one live restaurant for each (number, password), all in one transaction.

    With `bridge_id` they are placed there, as a controller would have done; without it a controller
    is to place them.
    """
    placed = {"bridge_id": bridge_id, "epoch": 1, "placement_reason": PlacementReason.NEW}
    accounts, restaurants, registrations = [], [], []
    for number, password in passwords:
        restaurant_id = new_id()
        name = f"r{number[-4:]}-{restaurant_id.hex[-8:]}"
        accounts.append(FleetAccount(restaurant_id, number, name))
        restaurants.append(
            {
                "id": restaurant_id,
                "slug": name,
                "name": "Chez Luigi",
                "spoken_name": "Chez Luigi",
                "address": "Lyon",
                "phone_e164": RESTAURANT_PHONE,
                "status": "live",
                **AS_MANY_CALLS_AS_COME,
            }
        )
        registrations.append(
            {
                "restaurant_id": restaurant_id,
                "gateway_name": name,
                "carrier_id": CARRIER_ID,
                "username": number,
                "password_encrypted": secrets.seal(password, owner=restaurant_id),
                **(placed if bridge_id else {}),
            }
        )
    if accounts:
        with engine.begin() as connection:
            connection.execute(insert(Restaurant), restaurants)
            connection.execute(insert(SipRegistration), registrations)
    return accounts
