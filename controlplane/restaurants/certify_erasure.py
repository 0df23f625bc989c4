"""An erasure proves itself: who was erased is searched for everywhere, and what was found is kept.

The names are read before the erasure, for they are gone after it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import CompoundSelect, null, select, union
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.call import Call
from controlplane.models.customer import Customer
from controlplane.models.erasure_certificate import ErasureCertificate
from controlplane.models.notification import Notification
from controlplane.models.order import Order
from controlplane.models.reservation import Reservation
from controlplane.models.restaurant import Restaurant
from controlplane.models.task import Task
from controlplane.models.voice_message import VoiceMessage
from controlplane.restaurants.audit import ADMIN, audit
from controlplane.restaurants.erase_caller import Erased, erase_caller, read_alike
from controlplane.restaurants.find_person import LEAST_NAME, find_person
from controlplane.restaurants.suppressions import hash_number, suppress
from controlplane.secret_box import SecretBox


@dataclass(frozen=True, slots=True, kw_only=True)
class CertifiedErasure:
    """What was erased, and a certificate of each restaurant that knew the number."""

    erased: Erased
    certificates: tuple[ErasureCertificate, ...]


async def erase_and_certify(
    session: AsyncSession,
    box: SecretBox,
    restaurants: Sequence[Restaurant],
    number: str,
    *,
    actor: str = ADMIN,
) -> CertifiedErasure:
    """Erase, then search; the caller of this commits, so that none is there without the other.

    Raises what `erase_caller` raises, and `SecretUnreadable`.
    """
    e164 = read_alike(restaurants, number)
    known = await _names_by_restaurant(session, {each.id for each in restaurants}, e164)
    erased = await erase_caller(session, restaurants, number)
    await session.flush()
    certificates = [
        await _certify(session, box, restaurant_id, e164, names, actor=actor)
        for restaurant_id, names in sorted(known.items())
    ]
    return CertifiedErasure(erased=erased, certificates=tuple(certificates))


async def _names_by_restaurant(
    session: AsyncSession, mine: Collection[UUID], e164: str
) -> dict[UUID, set[str]]:
    """The restaurants that know the number, and the names they have for it."""
    theirs: CompoundSelect[UUID, str | None] = union(
        select(Customer.restaurant_id, Customer.name).where(Customer.phone_e164 == e164),
        select(Order.restaurant_id, Order.customer_name).where(Order.customer_phone_e164 == e164),
        select(Reservation.restaurant_id, Reservation.customer_name).where(
            Reservation.customer_phone_e164 == e164
        ),
        select(Task.restaurant_id, Task.customer_name).where(Task.customer_phone_e164 == e164),
        select(Call.restaurant_id, null()).where(Call.caller_number == e164),
        select(VoiceMessage.restaurant_id, null()).where(VoiceMessage.caller_number == e164),
        select(Notification.restaurant_id, null()).where(Notification.recipient == e164),
    )
    known: dict[UUID, set[str]] = {}
    for restaurant_id, name in await session.execute(theirs):
        if restaurant_id in mine:
            known.setdefault(restaurant_id, set()).update([name] if name else [])
    return known


async def _certify(
    session: AsyncSession,
    box: SecretBox,
    restaurant_id: UUID,
    e164: str,
    names: set[str],
    *,
    actor: str,
) -> ErasureCertificate:
    own_names = {name for name in names if len(name.strip()) >= LEAST_NAME}
    own_names -= await _names_of_others(session, restaurant_id, e164, own_names)
    search = await find_person(session, restaurant_id, e164, sorted(own_names))
    phone_hash = await hash_number(session, box, restaurant_id, e164)
    await suppress(session, restaurant_id, phone_hash)
    certificate = ErasureCertificate(
        restaurant_id=restaurant_id,
        phone_hash=phone_hash,
        columns_searched=search.columns,
        columns_unreadable=search.unreadable,
        names_searched=len(own_names),
        found=search.found,
    )
    session.add(certificate)
    await session.flush()
    proof = f"erasure_certificate:{certificate.id}"
    await audit(session, restaurant_id, actor=actor, action="erase_caller", object=proof)
    return certificate


async def _names_of_others(
    session: AsyncSession, restaurant_id: UUID, e164: str, names: set[str]
) -> set[str]:
    """Those that others have too: found again, they would be theirs."""
    others = union(
        select(Customer.name).where(
            Customer.restaurant_id == restaurant_id, Customer.phone_e164 != e164
        ),
        select(Order.customer_name).where(
            Order.restaurant_id == restaurant_id, Order.customer_phone_e164.is_distinct_from(e164)
        ),
        select(Reservation.customer_name).where(
            Reservation.restaurant_id == restaurant_id,
            Reservation.customer_phone_e164.is_distinct_from(e164),
        ),
        select(Task.customer_name).where(
            Task.restaurant_id == restaurant_id, Task.customer_phone_e164.is_distinct_from(e164)
        ),
    ).subquery()
    (name,) = others.c
    return set(await session.scalars(select(name).where(name.in_(names))))
