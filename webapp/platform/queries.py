"""What the back office shows of all restaurants, in a few queries a page; rows are bounded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.call import Call
from controlplane.models.carrier import Carrier
from controlplane.models.membership import Membership, Role
from controlplane.models.nodes import SipBridgeNode
from controlplane.models.plan import Plan
from controlplane.models.platform import PlatformView
from controlplane.models.restaurant import Restaurant
from controlplane.models.sip_registration import SipRegistration
from controlplane.models.subscription import Subscription
from controlplane.models.user_account import UserAccount
from controlplane.registrations.admin_requests import Bridge, HistoryEntry, bridges, history
from controlplane.registrations.report import AccountReport, account, accounts

PAGE_ROWS: Final = 50
MOST_LIVE: Final = 200
"""The page of calls shows so many, the newest first."""
_WEEK: Final = text("interval '7 days'")
_RECENT: Final = text("interval '2 hours'")
"""A call that nobody ended within this time has no bridge left to end it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """All SIP accounts, and all bridges."""

    accounts: Sequence[AccountReport]
    bridges: Sequence[Bridge]
    addresses: dict[str, str | None]


async def read_lines(session: AsyncSession) -> Lines:
    connection = await session.connection()
    rows = await session.execute(select(SipBridgeNode.id, SipBridgeNode.sip_address))
    return Lines(
        accounts=await connection.run_sync(accounts),
        bridges=await connection.run_sync(bridges),
        addresses={name: address for name, address in rows},
    )


async def read_line(
    session: AsyncSession, gateway: str
) -> tuple[AccountReport, Sequence[HistoryEntry]]:
    """Return one account and its last events. Raises `UnknownAccount`."""
    connection = await session.connection()
    found = await connection.run_sync(account, gateway)
    return found, await connection.run_sync(
        lambda sync: history(sync, found.registration_id, limit=PAGE_ROWS)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCall:
    """A call that goes on, without a word of what is said."""

    id: UUID
    restaurant: str
    restaurant_id: UUID
    bridge_id: str | None
    worker_id: str | None
    started_at: datetime


async def read_live_calls(session: AsyncSession) -> Sequence[LiveCall]:
    rows = await session.execute(
        select(
            Call.id,
            Restaurant.name.label("restaurant"),
            Call.restaurant_id,
            Call.bridge_id,
            Call.worker_id,
            Call.started_at,
        )
        .join(Restaurant, Restaurant.id == Call.restaurant_id)
        .where(Call.ended_at.is_(None), Call.started_at > func.now() - _RECENT)
        .order_by(Call.started_at.desc())
        .limit(MOST_LIVE)
    )
    return [LiveCall(**row._mapping) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A restaurant in the list of all."""

    id: UUID
    name: str
    slug: str
    status: str
    address: str
    phone_e164: str
    created_at: datetime
    line: str | None
    plan: str | None
    calls_of_week: int
    missed_of_week: int


async def read_tenants(
    session: AsyncSession, *, asked: str = "", after: str = "", restaurant_id: UUID | None = None
) -> Sequence[Tenant]:
    """Return a page of restaurants by slug, from the one after `after`; one more than a page says
    that there are others. `asked` is a part of a name, slug or number.
    """
    this_week = and_(Call.restaurant_id == Restaurant.id, Call.started_at > func.now() - _WEEK)
    missed = Call.outcome.in_(("abandoned", "unserved", "error"))
    plan = (
        select(Plan.name)
        .join(Subscription, Subscription.plan_id == Plan.id)
        .where(
            Subscription.restaurant_id == Restaurant.id,
            Subscription.from_month <= func.current_date(),
        )
        .order_by(Subscription.from_month.desc())
        .limit(1)
        .correlate(Restaurant)
        .scalar_subquery()
    )
    rows = await session.execute(
        select(
            Restaurant.id,
            Restaurant.name,
            Restaurant.slug,
            Restaurant.status,
            Restaurant.address,
            Restaurant.phone_e164,
            Restaurant.created_at,
            SipRegistration.state.label("line"),
            plan.label("plan"),
            _calls(this_week).label("calls_of_week"),
            _calls(this_week, missed).label("missed_of_week"),
        )
        .outerjoin(SipRegistration, SipRegistration.restaurant_id == Restaurant.id)
        .where(*_asked(asked, restaurant_id), Restaurant.slug > after)
        .order_by(Restaurant.slug)
        .limit(PAGE_ROWS + 1)
    )
    return [Tenant(**row._mapping) for row in rows]


def _calls(*where: ColumnElement[bool]) -> ColumnElement[int]:
    counted = select(func.count()).select_from(Call).where(*where)
    return counted.correlate(Restaurant).scalar_subquery()


def _asked(asked: str, restaurant_id: UUID | None) -> list[ColumnElement[bool]]:
    if restaurant_id is not None:
        return [Restaurant.id == restaurant_id]
    if not asked:
        return []
    names = (Restaurant.name, Restaurant.slug, Restaurant.phone_e164)
    return [or_(*(name.icontains(asked, autoescape=True) for name in names))]


async def read_owner(session: AsyncSession, restaurant_id: UUID) -> UserAccount | None:
    owner: UserAccount | None = await session.scalar(
        select(UserAccount)
        .join(Membership, Membership.user_id == UserAccount.id)
        .where(Membership.restaurant_id == restaurant_id, Membership.role == Role.OWNER)
    )
    return owner


async def read_views(
    session: AsyncSession, restaurant_id: UUID
) -> Sequence[tuple[PlatformView, str]]:
    """Return who looked at a restaurant, the last first."""
    rows = await session.execute(
        select(PlatformView, UserAccount.name)
        .join(UserAccount, UserAccount.id == PlatformView.user_id)
        .where(PlatformView.restaurant_id == restaurant_id)
        .order_by(PlatformView.id.desc())
        .limit(PAGE_ROWS)
    )
    return [(view, name) for view, name in rows]


async def read_carriers(session: AsyncSession) -> Sequence[tuple[Carrier, int, int]]:
    """Return each carrier with how many accounts it has, and how many are registered."""
    registered = func.count().filter(SipRegistration.state == "REGED")
    rows = await session.execute(
        select(Carrier, func.count(SipRegistration.id), registered)
        .outerjoin(SipRegistration, SipRegistration.carrier_id == Carrier.id)
        .group_by(Carrier.id)
        .order_by(Carrier.refuses_since.is_(None), Carrier.id)
    )
    return [(carrier, count, reged) for carrier, count, reged in rows]
