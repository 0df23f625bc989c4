"""What the audit page reads: deeds, newest first, and the names of who and what they name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.audit_entry import AuditEntry
from controlplane.models.device import Device
from controlplane.models.membership import Membership
from controlplane.models.user_account import UserAccount
from webapp.calls.queries import day_bounds

PAGE: Final = 50
"""So many deeds a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the page is asked for: `actor` is one of the log's own, `actions` of one subject; `day`
    is one of the restaurant's; `after` the last deed of the page before.
    """

    actor: str = ""
    actions: frozenset[str] | None = None
    day: date | None = None
    after: UUID | None = None


async def read_deeds(
    session: AsyncSession, restaurant_id: UUID, asked: Asked, zone: ZoneInfo
) -> tuple[Sequence[AuditEntry], bool]:
    """Return a page of deeds, and whether there are older ones."""
    found = select(AuditEntry).where(AuditEntry.restaurant_id == restaurant_id)
    if asked.actor:
        found = found.where(AuditEntry.actor == asked.actor)
    if asked.actions is not None:
        found = found.where(AuditEntry.action.in_(asked.actions))
    if asked.day is not None:
        begins, ends = day_bounds(asked.day, zone)
        found = found.where(AuditEntry.at >= begins, AuditEntry.at < ends)
    if asked.after is not None:
        last = select(AuditEntry.at, AuditEntry.id).where(
            AuditEntry.restaurant_id == restaurant_id, AuditEntry.id == asked.after
        )
        found = found.where(tuple_(AuditEntry.at, AuditEntry.id) < last.scalar_subquery())
    rows = await session.scalars(
        found.order_by(AuditEntry.at.desc(), AuditEntry.id.desc()).limit(PAGE + 1)
    )
    deeds = rows.all()
    return deeds[:PAGE], len(deeds) > PAGE


async def read_names(
    session: AsyncSession, restaurant_id: UUID, deeds: Sequence[AuditEntry]
) -> Mapping[str, str]:
    """Return names by `user:UUID` and `device:UUID`: of the team, of the restaurant's tablets, and
    of whoever else a deed names, who may have left.
    """
    said = {ref for deed in deeds for ref in (deed.actor, deed.object) if ref[:5] == "user:"}
    team = select(Membership.user_id).where(Membership.restaurant_id == restaurant_id)
    ids = [UUID(ref.removeprefix("user:")) for ref in said]
    users = await session.execute(
        select(UserAccount.id, UserAccount.name).where(
            or_(UserAccount.id.in_(team), UserAccount.id.in_(ids))
        )
    )
    devices = await session.execute(
        select(Device.id, Device.name).where(Device.restaurant_id == restaurant_id)
    )
    return {f"user:{id}": name for id, name in users} | {
        f"device:{id}": name for id, name in devices
    }
