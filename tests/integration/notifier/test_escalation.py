"""An order nobody accepts climbs its restaurant's ladder, each step once, until somebody does."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from controlplane.database import async_engine, async_sessions
from controlplane.database_roles import DatabaseRole
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID, Hours, seed_demo
from controlplane.models.escalation_step import EscalationStep
from controlplane.models.notification import Channel, Notification
from controlplane.models.order import OrderStatus
from controlplane.models.restaurant import Restaurant
from controlplane.notifier import sender as sender_module
from controlplane.notifier.providers import Outgoing
from controlplane.notifier.sender import Sender
from controlplane.notifier.wording import Links
from controlplane.restaurants.escalation import Step, ladder, set_ladder
from controlplane.restaurants.notification_errors import StepRefused
from controlplane.restaurants.notify import NotificationKind
from controlplane.restaurants.order_status import change_order_status
from controlplane.restaurants.place_order import place_order
from controlplane.restaurants.setup_errors import TooManyOf
from controlplane.tenancy import restaurant_session
from tests.accounts import SECRETS
from tests.integration.kitchen_orders import add_restaurant
from tests.integration.order_drafts import draft
from tests.waiting import until

pytestmark = pytest.mark.integration

Sessions = async_sessionmaker[AsyncSession]
SMS = Step(timedelta(minutes=3), Channel.SMS, "06 39 98 01 77")
MAIL = Step(timedelta(minutes=1), Channel.EMAIL, "luigi@example.fr")


class Kept:
    """Keeps what it is given to send."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []

    async def send(self, message: Outgoing) -> str | None:
        self.sent.append(message)
        return None

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def sessions(database_url: str, database: AsyncEngine) -> Sessions:
    seed_demo(
        database_url,
        registrar="127.0.0.1:5060",
        username="u",
        password="long-enough",
        secrets=SECRETS,
        hours=Hours.AROUND_THE_CLOCK,
    )
    return async_sessions(database)


async def give_ladder(sessions: Sessions, restaurant_id: UUID, *steps: Step) -> None:
    async with sessions.begin() as session:
        restaurant = await session.get_one(Restaurant, restaurant_id)
        await set_ladder(session, restaurant, steps, actor="user:test")


async def test_another_tenant_sees_nothing(database_url: str, sessions: Sessions) -> None:
    async with sessions.begin() as session:
        other = await add_restaurant(session)
    await give_ladder(sessions, DEMO_RESTAURANT_ID, SMS)
    web = async_engine(database_url, application_name="test", role=DatabaseRole.WEB)
    async with restaurant_session(async_sessions(web), other) as session:
        assert (await session.scalars(select(EscalationStep))).all() == []
        assert await ladder(session, DEMO_RESTAURANT_ID) == []
    await web.dispose()


async def test_of_two_ladders_written_at_once_one_is_kept(
    database: AsyncEngine, sessions: Sessions
) -> None:
    async def waiting() -> bool:
        query = text(
            "SELECT count(*) FROM pg_locks JOIN pg_stat_activity a USING (pid)"
            " WHERE NOT granted AND locktype = 'advisory' AND a.datname = current_database()"
        )
        async with database.connect() as connection:
            return bool(await connection.scalar(query))

    async with sessions.begin() as session:
        restaurant = await session.get_one(Restaurant, DEMO_RESTAURANT_ID)
        await set_ladder(session, restaurant, [SMS], actor="user:test")
        second = asyncio.create_task(give_ladder(sessions, DEMO_RESTAURANT_ID, MAIL))
        await until(waiting)
    await second
    async with sessions() as session:
        kept = await ladder(session, DEMO_RESTAURANT_ID)
        assert [row.recipient for row in kept] == ["luigi@example.fr"]


async def test_each_step_is_told_once_until_the_order_is_accepted(
    database_url: str, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    await give_ladder(sessions, DEMO_RESTAURANT_ID, SMS, MAIL)
    worker = async_engine(database_url, application_name="test", role=DatabaseRole.WORKER)
    hidden = draft().model_copy(update={"customer_phone_e164": None})
    placed = await place_order(async_sessions(worker), hidden)
    await worker.dispose()
    kept, began = Kept(), datetime.now(UTC)
    links = Links(public_url="https://alloresto.example", secret="a secret of the test")
    providers = {Channel.SMS: kept, Channel.EMAIL: kept}
    sender = Sender(sessions, providers, links=links, secrets=SECRETS)

    async def after(**time: int) -> list[str]:
        now = began + timedelta(**time)
        monkeypatch.setattr(sender_module, "utc_now", lambda: now)
        await sender.turn()
        return [message.to for message in kept.sent]

    assert await after(seconds=55) == []
    assert await after(seconds=65) == ["luigi@example.fr"]
    assert await after(seconds=125) == ["luigi@example.fr"]
    assert "la commande 1, pour " in kept.sent[0].text.lower()
    async with sessions.begin() as session:
        await change_order_status(
            session, DEMO_RESTAURANT_ID, placed.id, to=OrderStatus.ACCEPTED, actor="kitchen"
        )
    assert await after(seconds=185) == ["luigi@example.fr"]
    async with sessions() as session:
        rows = await session.scalars(
            select(Notification.reason).where(
                Notification.kind == NotificationKind.ORDER_UNSEEN,
                Notification.channel == Channel.SMS,
            )
        )
        assert rows.all() == ["no_longer_true"]


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (Step(timedelta(seconds=29), Channel.SMS, "0639980177"), "time"),
        (Step(timedelta(hours=2), Channel.SMS, "0639980177"), "time"),
        (Step(timedelta(minutes=3), Channel.SMS, "01 99 00 11 11"), "not_mobile"),
        (Step(timedelta(minutes=3), Channel.SMS, "luigi"), "no_number"),
        (Step(timedelta(minutes=3), Channel.EMAIL, "luigi"), "no_address"),
    ],
)
async def test_a_step_that_reaches_nobody_is_refused(
    database: AsyncEngine, step: Step, reason: str
) -> None:
    async with async_sessions(database).begin() as session:
        restaurant = await session.get_one(Restaurant, await add_restaurant(session))
        await set_ladder(session, restaurant, [SMS], actor="user:test")
        with pytest.raises(StepRefused, match=reason):
            await set_ladder(session, restaurant, [MAIL, step], actor="user:test")
        with pytest.raises(TooManyOf):
            await set_ladder(session, restaurant, [MAIL] * 7, actor="user:test")
        assert [row.recipient for row in await ladder(session, restaurant.id)] == ["+33639980177"]
