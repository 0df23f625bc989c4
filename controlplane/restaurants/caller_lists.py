"""Whom a restaurant's callers may be put through to, and whose calls it does not want.

Bridges hear of a change at once, from the tables' triggers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.phone_numbers import UnsafeNumber, normalise, refuse_unsafe
from controlplane.errors import AlloRestoError
from controlplane.models.blocked_caller import BlockedCaller
from controlplane.models.restaurant import Restaurant
from controlplane.models.sip_registration import SipRegistration
from controlplane.models.transfer_target import TransferTarget
from controlplane.registrations.report import near

MAX_NAME: Final = 60
"""A few words the agent can say."""


class UnknownRestaurant(AlloRestoError):
    """No restaurant of that name; says which names are near."""

    def __init__(self, name: str, near: Sequence[str]) -> None:
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        super().__init__(f"no restaurant is called {name!r}{hint}")


class ListRefused(AlloRestoError):
    """A change that cannot be; says why."""


@dataclass(frozen=True, slots=True)
class ListOwner:
    """Whose list."""

    id: UUID
    slug: str
    phone_e164: str


@dataclass(frozen=True, slots=True)
class Target:
    """One entry of the allow-list."""

    name: str
    phone_e164: str
    mode: str
    position: int
    refused: str | None
    """Why it is never dialled, though listed; None: it is."""


def owner_called(connection: Connection, name: str) -> ListOwner:
    """By slug, id or gateway name. Raises `UnknownRestaurant`."""
    names = [Restaurant.slug == name, SipRegistration.gateway_name == name]
    try:
        names.append(Restaurant.id == UUID(name))
    except ValueError:
        pass
    row = connection.execute(
        select(Restaurant.id, Restaurant.slug, Restaurant.phone_e164)
        .outerjoin(SipRegistration, SipRegistration.restaurant_id == Restaurant.id)
        .where(or_(*names))
        .limit(1)
    ).one_or_none()
    if row is None:
        raise UnknownRestaurant(name, near(name, connection.scalars(select(Restaurant.slug))))
    return ListOwner(*row)


def read_number(text: str) -> str:
    """E.164 of what a person wrote. Raises `ListRefused`."""
    number = normalise(text)
    if number is None:
        raise ListRefused("that is no telephone number: write 01 99 00 12 34 or +33199001234")
    return number


def refused(number: str, owner: ListOwner) -> str | None:
    """Why it is never dialled for this restaurant; None: it may be."""
    try:
        refuse_unsafe(number, own=owner.phone_e164)
    except UnsafeNumber as error:
        return error.reason.english
    return None


def targets(connection: Connection, owner: ListOwner) -> list[Target]:
    """In the order callers are told them."""
    table = TransferTarget
    rows = connection.execute(
        select(table.name, table.phone_e164, table.mode, table.position)
        .where(table.restaurant_id == owner.id)
        .order_by(table.position, table.id)
    )
    return [Target(*row, refused=refused(row.phone_e164, owner)) for row in rows]


def add_target(
    connection: Connection, owner: ListOwner, *, name: str, number: str, mode: str
) -> str:
    """At the list's end, or the entry of that number changed; the number. Raises `ListRefused`."""
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise ListRefused(f"the name is what callers hear: 1 to {MAX_NAME} characters")
    number = read_number(number)
    if reason := refused(number, owner):
        raise ListRefused(f"this number is never dialled: {reason}")
    table = TransferTarget
    last = select(func.coalesce(func.max(table.position) + 1, 0)).where(
        table.restaurant_id == owner.id
    )
    statement = insert(table).values(
        id=new_id(),
        restaurant_id=owner.id,
        name=name,
        phone_e164=number,
        mode=mode,
        position=last.scalar_subquery(),
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["restaurant_id", "phone_e164"], set_={"name": name, "mode": mode}
        )
    )
    return number


def remove_target(connection: Connection, owner: ListOwner, number: str) -> str:
    """The number. Raises `ListRefused` when it is not in the list."""
    number = read_number(number)
    gone = delete(TransferTarget).where(
        TransferTarget.restaurant_id == owner.id, TransferTarget.phone_e164 == number
    )
    if not connection.execute(gone).rowcount:
        raise ListRefused(f"{owner.slug} has no such number: alloresto transfer list {owner.slug}")
    return number


def blocked(connection: Connection, owner: ListOwner) -> list[str]:
    """Oldest first."""
    table = BlockedCaller
    query = select(table.phone_e164).where(table.restaurant_id == owner.id)
    return list(connection.scalars(query.order_by(table.created_at, table.phone_e164)))


def block(connection: Connection, owner: ListOwner, number: str) -> str:
    """The number. Raises `ListRefused` for one of the restaurant's own, which is never refused."""
    number = read_number(number)
    own = {owner.phone_e164, *(target.phone_e164 for target in targets(connection, owner))}
    if number in own:
        raise ListRefused("this number is the restaurant's own, or of one of its people")
    statement = insert(BlockedCaller).values(restaurant_id=owner.id, phone_e164=number)
    connection.execute(statement.on_conflict_do_nothing())
    return number


def unblock(connection: Connection, owner: ListOwner, number: str) -> str:
    """The number. Raises `ListRefused` when it is not blocked."""
    number = read_number(number)
    gone = delete(BlockedCaller).where(
        BlockedCaller.restaurant_id == owner.id, BlockedCaller.phone_e164 == number
    )
    if not connection.execute(gone).rowcount:
        raise ListRefused(f"it is not blocked: alloresto caller list {owner.slug}")
    return number
