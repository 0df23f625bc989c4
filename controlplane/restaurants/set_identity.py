"""What a restaurant is called, said and found by; the next call says so. Who calls commits."""

from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.audit import audit
from controlplane.restaurants.read_number import read_number
from controlplane.restaurants.readable_words import readable
from controlplane.restaurants.setup_errors import ChangedMeanwhile
from controlplane.restaurants.setup_lock import lock_setup

MOST_NAME: Final = 80
MOST_ADDRESS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A restaurant's names, where it is, and its own telephone."""

    name: str
    spoken_name: str
    """Callers hear it: "la Pizzeria Bella Napoli"."""
    address: str
    phone: str
    """As it was typed; kept in E.164."""


def identity_of(restaurant: Restaurant) -> Identity:
    """Return what is written of the restaurant."""
    return Identity(
        name=restaurant.name,
        spoken_name=restaurant.spoken_name,
        address=restaurant.address,
        phone=restaurant.phone_e164,
    )


async def set_identity(
    session: AsyncSession,
    restaurant: Restaurant,
    wanted: Identity,
    *,
    actor: str,
    seen: Identity | None = None,
) -> None:
    """Be called and found so. Raises `WordsRefused`, `NotANumber`; `ChangedMeanwhile` when it is
    not as it was `seen`.
    """
    await lock_setup(session, restaurant.id)
    await session.refresh(restaurant)
    before = identity_of(restaurant)
    if seen not in (None, before):
        raise ChangedMeanwhile
    restaurant.name = readable(wanted.name, "name", most=MOST_NAME)
    restaurant.spoken_name = readable(wanted.spoken_name, "spoken name", most=MOST_NAME)
    restaurant.address = readable(wanted.address, "address", most=MOST_ADDRESS)
    restaurant.phone_e164 = read_number(wanted.phone, own=restaurant.phone_e164)
    await audit(
        session,
        restaurant.id,
        actor=actor,
        action="set_identity",
        object="restaurant",
        before=asdict(before),
        after=asdict(identity_of(restaurant)),
    )
