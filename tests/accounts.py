"""Builders of SIP accounts in a test's database."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from controlplane.contracts.identifiers import new_id
from controlplane.models.carrier import Carrier
from controlplane.models.restaurant import Restaurant
from controlplane.models.sip_registration import SipRegistration
from controlplane.secret_box import SecretBox

SECRET_KEYS = SecretBox.new_key()
"""What the processes under test get as ALLORESTO_SECRET_KEYS."""
SECRETS = SecretBox.from_keys(SECRET_KEYS)


def add_carrier(
    connection: Connection,
    carrier_id: str = "test",
    *,
    registrar: str = "sip.example",
    **values: Any,
) -> str:
    """A carrier on loopback, or the one of that name changed."""
    row = {
        "id": carrier_id,
        "name": carrier_id,
        "registrar": registrar,
        "source_networks": ["127.0.0.0/8"],
        **values,
    }
    statement = insert(Carrier).values(**row)
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=row))
    return carrier_id


def add_account(
    connection: Connection,
    name: str = "",
    *,
    carrier_id: str = "test",
    username: str = "",
    password: str = "a password",
    status: str = "live",
    phone_e164: str = "+33199005678",
    **registration: Any,
) -> UUID:
    """A restaurant and its account; `name` is slug, gateway and user name. Returns its id.

    The carrier must be there.
    """
    restaurant_id = new_id()
    name = name or f"r-{restaurant_id}"
    connection.execute(
        insert(Restaurant).values(
            id=restaurant_id,
            slug=name,
            name="Chez Luigi",
            spoken_name="Chez Luigi",
            address="Lyon",
            phone_e164=phone_e164,
            status=status,
        )
    )
    connection.execute(
        insert(SipRegistration).values(
            restaurant_id=restaurant_id,
            gateway_name=name,
            carrier_id=carrier_id,
            username=username or name,
            password_encrypted=SECRETS.seal(password, owner=restaurant_id),
            **registration,
        )
    )
    return restaurant_id
