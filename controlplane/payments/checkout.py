"""A customer opens their link and is led to the provider's page; late links are closed.

The provider is asked between transactions: no row is locked while it is waited for. Money does not
depend on what is written here: its event names the link (`controlplane/payments/stripe_event.py`).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.models.order import Order
from controlplane.models.payment_account import PaymentAccount
from controlplane.models.payment_link import OPEN, PaymentLink, PaymentLinkStatus
from controlplane.models.restaurant import Restaurant
from controlplane.payments.provider import (
    Checkout,
    OpenSession,
    PaymentProvider,
    ProviderRefused,
)
from controlplane.restaurants.errors import UnknownOrder
from controlplane.restaurants.hand_to_kitchen import hand_to_kitchen
from controlplane.restaurants.order_status import tell_status
from controlplane.restaurants.payment_links import locked_link, move_link
from controlplane.restaurants.payment_standing import Paid, Standing, standings
from controlplane.secret_box import SecretBox
from controlplane.tenancy import restaurant_session

_logger = structlog.get_logger()

SESSION_OUTLIVES_LINK: Final = timedelta(minutes=31)
"""Stripe keeps a session open for half an hour at least, and a link may be opened in its last
minute. A time that depends on the link alone makes every request for it the same."""
DUE_AT_ONCE: Final = 50
_DUE: Final = text("SELECT restaurant_id, link_id FROM payment_links_due(:most)")

Sessions = async_sessionmaker[AsyncSession]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentPage:
    """What a customer's page needs to know of their order."""

    restaurant: str
    number: int
    standing: Standing
    url: str | None = None
    """Where they pay; None as long as they may not, or the provider refuses."""


class Payments:
    """The site's part: it serves every restaurant, each by its own account."""

    def __init__(self, sessions: Sessions, provider: PaymentProvider, box: SecretBox) -> None:
        self._sessions = sessions
        self._provider = provider
        self._box = box

    async def open(self, restaurant_id: UUID, order_id: UUID, *, back_url: str) -> PaymentPage:
        """Find where this order's customer pays; the session is opened when they first ask.

        The page at `back_url` says how the order stands. Raises `UnknownOrder`, `ProviderAway`.
        """
        async with restaurant_session(self._sessions, restaurant_id) as session:
            page, order = await _page(session, restaurant_id, order_id)
            link = await session.scalar(
                select(PaymentLink).where(
                    PaymentLink.restaurant_id == restaurant_id, PaymentLink.order_id == order.id
                )
            )
            account = await session.get(PaymentAccount, restaurant_id)
        if page.standing.paid is not Paid.AWAITED or link is None or account is None:
            return page
        if link.session_url is not None:
            return replace(page, url=link.session_url)
        try:
            opened = await self._provider.open_session(
                self._key(account), _checkout(link, page, back_url)
            )
        except ProviderRefused as error:
            _logger.error("payment_refused", restaurant_id=str(restaurant_id), code=error.code)
            return page
        still_open = await self._remember(link, opened)
        return replace(page, url=opened.url) if still_open else page

    async def page(self, restaurant_id: UUID, order_id: UUID) -> PaymentPage:
        """How the order stands now. Raises `UnknownOrder`."""
        async with restaurant_session(self._sessions, restaurant_id) as session:
            return (await _page(session, restaurant_id, order_id))[0]

    async def webhook_secret(self, restaurant_id: UUID) -> str | None:
        """What signs the events of the restaurant's account; None where it has none."""
        async with restaurant_session(self._sessions, restaurant_id) as session:
            account = await session.get(PaymentAccount, restaurant_id)
        if account is None:
            return None
        return self._box.open(account.webhook_secret_encrypted, owner=restaurant_id)

    async def close_due(self) -> int:
        """Close the links whose time is over, and return how many were due. No provider is asked:
        a kitchen that waits for an order waits for none.
        """
        return await self._each_due(self._close)

    async def close_sessions(self) -> int:
        """Have the provider close sessions that nobody may pay by any more; return how many links
        were due.
        """
        return await self._each_due(self._close_session)

    async def _each_due(self, close: Callable[[UUID, UUID], Awaitable[None]]) -> int:
        """One that fails holds up no other."""
        async with self._sessions() as session:
            due = (await session.execute(_DUE, {"most": DUE_AT_ONCE})).all()
        for restaurant_id, link_id in due:
            try:
                await close(restaurant_id, link_id)
            except Exception:
                _logger.exception("payment_link_not_closed", restaurant_id=str(restaurant_id))
        return len(due)

    async def _close(self, restaurant_id: UUID, link_id: UUID) -> None:
        async with restaurant_session(self._sessions, restaurant_id) as session, session.begin():
            link = await locked_link(session, restaurant_id, link_id)
            if link.status in OPEN and link.expires_at <= datetime.now(UTC):
                move_link(link, PaymentLinkStatus.EXPIRED)
                order = await session.get_one(Order, link.order_id)
                await session.flush()
                if link.required:
                    await hand_to_kitchen(session, order)
                tell_status(session, order)

    async def _close_session(self, restaurant_id: UUID, link_id: UUID) -> None:
        async with restaurant_session(self._sessions, restaurant_id) as session:
            link = await session.get_one(PaymentLink, link_id)
            account = await session.get(PaymentAccount, restaurant_id)
        if link.status in OPEN or link.session_id is None or link.session_closed_at is not None:
            return
        if account is not None:
            try:
                await self._provider.close_session(self._key(account), link.session_id)
            except ProviderRefused as error:  # it is over already: paid, or by its own time
                _logger.info("payment_session_over", code=error.code)
        async with restaurant_session(self._sessions, restaurant_id) as session, session.begin():
            (await locked_link(session, restaurant_id, link_id)).session_closed_at = datetime.now(
                UTC
            )

    async def _remember(self, link: PaymentLink, opened: OpenSession) -> bool:
        """Whether the link is still open; a session of one that is not will be closed."""
        async with restaurant_session(self._sessions, link.restaurant_id) as session:
            async with session.begin():
                stored = await locked_link(session, link.restaurant_id, link.id)
                stored.session_id, stored.session_url = opened.id, opened.url
            return stored.status in OPEN

    def _key(self, account: PaymentAccount) -> str:
        return self._box.open(account.api_key_encrypted, owner=account.restaurant_id)


async def _page(
    session: AsyncSession, restaurant_id: UUID, order_id: UUID
) -> tuple[PaymentPage, Order]:
    order = await session.scalar(
        select(Order).where(Order.restaurant_id == restaurant_id, Order.id == order_id)
    )
    if order is None:
        raise UnknownOrder(order_id)
    restaurant = await session.get_one(Restaurant, restaurant_id)
    found = await standings(session, restaurant_id, [order_id])
    return (
        PaymentPage(restaurant=restaurant.name, number=order.number, standing=found[order_id]),
        order,
    )


def _checkout(link: PaymentLink, page: PaymentPage, back_url: str) -> Checkout:
    return Checkout(
        link_id=link.id,
        amount_cents=link.amount_cents,
        description=f"Commande n°\u00a0{page.number}",
        expires_at=link.expires_at + SESSION_OUTLIVES_LINK,
        success_url=back_url,
        cancel_url=back_url,
    )
