"""What a restaurant needs before callers are served, asked of what there is; and going live.

Who calls commits.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.opening import ORDER_KINDS
from controlplane.contracts.restaurant_config import RestaurantStatus
from controlplane.models.call import Call
from controlplane.models.menu import MenuItem
from controlplane.models.opening_rule import OpeningRule
from controlplane.models.restaurant import Restaurant
from controlplane.models.restaurant_prompt import RestaurantPrompt
from controlplane.models.sip_registration import SipRegistration
from controlplane.restaurants.audit import audit
from controlplane.restaurants.errors import UnknownRestaurant
from controlplane.restaurants.setup_errors import NotReady
from controlplane.restaurants.setup_lock import lock_setup


class SetUp(StrEnum):
    """The steps of setting up, in the order in which they are best done."""

    RESTAURANT = "restaurant"
    MENU = "menu"
    OPENING = "opening"
    VOICE = "voice"
    LINE = "line"
    LIVE = "live"
    CALL = "call"
    """A real call comes last: a line is registered when its restaurant is live."""


NEEDED = (SetUp.MENU, SetUp.OPENING, SetUp.LINE)
"""Without these a caller would hear that nothing is to be had, or nobody would be called at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a restaurant is."""

    status: RestaurantStatus
    dishes: int
    has_hours: bool
    has_greeting: bool
    has_line: bool
    called_at: datetime | None
    """The last call that came to it."""

    @property
    def done(self) -> frozenset[SetUp]:
        """The steps that need nothing more; whoever was given a name and an address has them."""
        facts = {
            SetUp.RESTAURANT: True,
            SetUp.MENU: self.dishes > 0,
            SetUp.OPENING: self.has_hours,
            SetUp.VOICE: self.has_greeting,
            SetUp.LINE: self.has_line,
            SetUp.LIVE: self.status is RestaurantStatus.LIVE,
            SetUp.CALL: self.called_at is not None,
        }
        return frozenset(step for step, done in facts.items() if done)

    @property
    def next_step(self) -> SetUp | None:
        """The first step that is not done; None when all are."""
        return next((step for step in SetUp if step not in self.done), None)


async def read_progress(session: AsyncSession, restaurant_id: UUID) -> Progress:
    """Ask what there is, in one query. Raises `UnknownRestaurant`."""
    row = (
        await session.execute(
            select(
                Restaurant.status,
                select(func.count())
                .select_from(MenuItem)
                .where(MenuItem.restaurant_id == restaurant_id)
                .scalar_subquery()
                .label("dishes"),
                exists()
                .where(
                    OpeningRule.restaurant_id == restaurant_id, OpeningRule.kind.in_(ORDER_KINDS)
                )
                .label("has_hours"),
                exists()
                .where(
                    RestaurantPrompt.restaurant_id == restaurant_id,
                    RestaurantPrompt.sentence.is_not(None),
                )
                .label("has_greeting"),
                exists(SipRegistration.id)
                .where(SipRegistration.restaurant_id == restaurant_id)
                .label("has_line"),
                select(func.max(Call.started_at))
                .where(Call.restaurant_id == restaurant_id)
                .scalar_subquery()
                .label("called_at"),
            ).where(Restaurant.id == restaurant_id)
        )
    ).one_or_none()
    if row is None:
        raise UnknownRestaurant(restaurant_id)
    return Progress(**{**row._mapping, "status": RestaurantStatus(row.status)})


async def go_live(session: AsyncSession, restaurant: Restaurant, *, actor: str) -> None:
    """Serve callers from now on: the line registers, orders are taken.

    Raises `NotReady` with what is missing. A restaurant that is live already stays so.
    """
    await lock_setup(session, restaurant.id)
    progress = await read_progress(session, restaurant.id)
    if progress.status is RestaurantStatus.LIVE:
        return
    missing = [step for step in NEEDED if step not in progress.done]
    if missing or progress.status is RestaurantStatus.CLOSED:
        raise NotReady(missing)
    restaurant.status = RestaurantStatus.LIVE
    await audit(
        session,
        restaurant.id,
        actor=actor,
        action="go_live",
        object="restaurant",
        before={"status": progress.status},
        after={"status": RestaurantStatus.LIVE},
    )
