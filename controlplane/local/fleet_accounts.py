"""The restaurants of a fleet: as many as asked, each with an account at the fleet's operator."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql import insert

from controlplane.contracts.identifiers import new_id
from controlplane.models.carrier import Carrier
from controlplane.models.restaurant import Restaurant
from controlplane.models.sip_registration import SipRegistration
from controlplane.secret_box import SecretBox

CARRIER_ID = "fleet"
RESTAURANT_PHONE = "+33199005678"
"""Where transfers ring: in the range ARCEP keeps for fiction, as all numbers here."""


@dataclass(frozen=True, slots=True)
class FleetAccount:
    """One restaurant."""

    restaurant_id: UUID
    number: str
    gateway_name: str


def numbers(count: int) -> list[str]:
    """`0033199000000` and the following: account names at the operator. At most 10,000."""
    return [f"003319900{index:04d}" for index in range(count)]


def add_carrier(
    engine: Engine, *, registrar: str, registers_per_second: int, expire_seconds: int
) -> None:
    """The operator all of them have their account at."""
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


def add_restaurants(
    engine: Engine, secrets: SecretBox, *, passwords: Iterable[tuple[str, str]]
) -> Sequence[FleetAccount]:
    """Insert one live restaurant for each (number, password), all in one transaction."""
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
            }
        )
        registrations.append(
            {
                "restaurant_id": restaurant_id,
                "gateway_name": name,
                "carrier_id": CARRIER_ID,
                "username": number,
                "password_encrypted": secrets.seal(password, owner=restaurant_id),
            }
        )
    if accounts:
        with engine.begin() as connection:
            connection.execute(insert(Restaurant), restaurants)
            connection.execute(insert(SipRegistration), registrations)
    return accounts
