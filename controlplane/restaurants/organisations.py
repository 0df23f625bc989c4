"""Several restaurants under one head, who manages them all; the caller of these commits."""

from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.models.membership import Membership, Role
from controlplane.models.organisation import Organisation, OrganisationRestaurant
from controlplane.restaurants.people_errors import NotAMember


async def found_organisation(session: AsyncSession, head_id: UUID, name: str) -> UUID:
    """The id of a new organisation without restaurants."""
    organisation_id = new_id()
    session.add(Organisation(id=organisation_id, name=name, head_id=head_id))
    await session.flush()
    return organisation_id


async def join_organisation(
    session: AsyncSession, organisation_id: UUID, restaurant_id: UUID, *, owner_id: UUID
) -> None:
    """Put the restaurant under the organisation's head, and out of another's.

    Only its owner may: raises `NotAMember` for anybody else.
    """
    owner = await session.scalar(
        select(Membership.user_id).where(
            Membership.restaurant_id == restaurant_id, Membership.role == Role.OWNER
        )
    )
    if owner != owner_id:
        raise NotAMember
    new = insert(OrganisationRestaurant).values(
        restaurant_id=restaurant_id, organisation_id=organisation_id
    )
    await session.execute(
        new.on_conflict_do_update(
            index_elements=["restaurant_id"],
            set_={"organisation_id": new.excluded.organisation_id},
        )
    )


async def leave_organisation(session: AsyncSession, restaurant_id: UUID) -> None:
    """The restaurant is on its own again."""
    await session.execute(
        delete(OrganisationRestaurant).where(OrganisationRestaurant.restaurant_id == restaurant_id)
    )


async def leave_unless_headed_by(
    session: AsyncSession, restaurant_id: UUID, owner_id: UUID
) -> None:
    """The restaurant is on its own again, unless its new owner heads the organisation: nobody goes
    on managing what was sold to another, who may join again.
    """
    theirs = select(Organisation.id).where(Organisation.head_id == owner_id)
    await session.execute(
        delete(OrganisationRestaurant).where(
            OrganisationRestaurant.restaurant_id == restaurant_id,
            OrganisationRestaurant.organisation_id.not_in(theirs),
        )
    )


async def change_head(
    session: AsyncSession, organisation_id: UUID, *, head_id: UUID, to: UUID
) -> None:
    """Hand the organisation, and so its restaurants' management, to another user.

    Only its head may: raises `NotAMember` for anybody else.
    """
    handed = await session.scalar(
        update(Organisation)
        .where(Organisation.id == organisation_id, Organisation.head_id == head_id)
        .values(head_id=to)
        .returning(Organisation.id)
    )
    if handed is None:
        raise NotAMember
