"""Voice messages on the kitchen page: shown at once, played, marked, and closed to others."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from controlplane.bridge.calls.recording import Recording
from controlplane.contracts.identifiers import new_id
from controlplane.database import async_sessions
from controlplane.models.event_outbox import EventOutbox, OutboxTopic
from controlplane.models.voice_message import VoiceMessage
from tests.integration.kitchen_orders import add_restaurant
from tests.integration.kitchen_site import (
    SECRET,
    EventClient,
    Heard,
    TestSite,
    next_event,
    running_site,
)
from tests.waiting import DEADLINE_S
from webapp.kitchen.link import kitchen_key
from webapp.kitchen.messages import PAGE_LIMIT

pytestmark = pytest.mark.integration

Sessions = async_sessionmaker[AsyncSession]
L16 = bytes(range(250)) * 128  # 2 s


@pytest.fixture
def sessions(database: AsyncEngine) -> Sessions:
    return async_sessions(database)


@pytest.fixture
async def restaurant(sessions: Sessions) -> UUID:
    async with sessions.begin() as session:
        return await add_restaurant(session)


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[TestSite]:
    async with running_site(database_url) as site:
        yield site


async def leave(sessions: Sessions, restaurant_id: UUID, *, number: str | None) -> UUID:
    """As the bridge agent delivers it."""
    message_id = new_id()
    async with sessions.begin() as session:
        session.add(
            VoiceMessage(
                id=message_id,
                restaurant_id=restaurant_id,
                channel_uuid=new_id(),
                caller_number=number,
                recorded_at=datetime.now(UTC),
                duration_ms=2_000,
                audio=Recording(restaurant_id, number, L16).wav(),
            )
        )
        await session.flush()
        session.add(
            EventOutbox(
                restaurant_id=restaurant_id,
                topic=OutboxTopic.VOICE_MESSAGE_LEFT,
                payload={"voice_message_id": str(message_id)},
            )
        )
    return message_id


def audio_url(site: TestSite, restaurant_id: UUID, message_id: UUID, *, key: str = "") -> str:
    key = key or kitchen_key(restaurant_id, secret=SECRET)
    return f"{site.base_url}/place/{restaurant_id}/messages/{message_id}.wav?key={key}"


async def next_voice(events: AsyncIterator[Heard]) -> Heard:
    while (heard := await next_event(events)).event != "voice":
        assert heard.event != "reload"
    return heard


async def get(url: str, **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=DEADLINE_S) as client:
        return await client.get(url, headers=headers)


async def test_a_message_is_shown_at_once_and_again_when_heard(
    site: TestSite, sessions: Sessions, restaurant: UUID
) -> None:
    async with EventClient(site.events(restaurant, after=0)).open() as events:
        message_id = await leave(sessions, restaurant, number="+33639980123")
        shown = await next_voice(events)
        assert "06\u00a039\u00a098\u00a001\u00a023" in shown.data["html"]
        assert f"/messages/{message_id}.wav" in shown.data["html"]
        page = (await get(site.page(restaurant))).text
        assert f'id="message-{message_id}"' in page
        assert shown.data["heard"] is False
        url = site.page(restaurant).replace("/kitchen?", f"/kitchen/messages/{message_id}/heard?")
        async with httpx2.AsyncClient(timeout=DEADLINE_S) as client:
            for _ in range(2):
                assert (await client.post(url)).status_code == 303
        assert (await next_voice(events)).data["heard"] is True


async def test_an_unheard_message_is_not_pushed_off_the_page(
    site: TestSite, sessions: Sessions, restaurant: UUID
) -> None:
    forgotten = await leave(sessions, restaurant, number=None)
    for _ in range(PAGE_LIMIT):
        later = await leave(sessions, restaurant, number=None)
        async with sessions.begin() as session:
            row = await session.get_one(VoiceMessage, later)
            row.heard_at = datetime.now(UTC)
    assert f'id="message-{forgotten}"' in (await get(site.page(restaurant))).text


async def test_a_hidden_number_says_so(
    site: TestSite, sessions: Sessions, restaurant: UUID
) -> None:
    await leave(sessions, restaurant, number=None)
    page = (await get(site.page(restaurant))).text
    assert "Numéro masqué" in page
    assert "tel:" not in page


async def test_it_is_played_whole_or_in_parts(
    site: TestSite, sessions: Sessions, restaurant: UUID
) -> None:
    message_id = await leave(sessions, restaurant, number=None)
    url = audio_url(site, restaurant, message_id)
    whole = await get(url)
    assert whole.status_code == 200
    assert whole.headers["content-type"] == "audio/wav"
    assert "media-src 'self'" in whole.headers["content-security-policy"]
    assert whole.content == Recording(restaurant, None, L16).wav()
    part = await get(url, Range="bytes=44-47")
    assert (part.status_code, part.content) == (206, L16[:4])
    assert part.headers["content-range"] == f"bytes 44-47/{len(whole.content)}"
    assert (await get(url, Range="bytes=999999-")).status_code == 416


async def test_others_get_nothing(site: TestSite, sessions: Sessions, restaurant: UUID) -> None:
    message_id = await leave(sessions, restaurant, number="+33639980123")
    async with sessions.begin() as session:
        other = await add_restaurant(session)
    others_key = kitchen_key(other, secret=SECRET)
    for url in (
        audio_url(site, other, message_id),
        audio_url(site, restaurant, message_id, key=others_key),
        audio_url(site, restaurant, message_id, key="forged"),
        audio_url(site, restaurant, new_id()),
    ):
        assert (await get(url)).status_code == 404
    heard = site.page(other).replace("/kitchen?", f"/kitchen/messages/{message_id}/heard?")
    async with httpx2.AsyncClient(timeout=DEADLINE_S) as client:
        assert (await client.post(heard)).status_code == 404
    assert str(message_id) not in (await get(site.page(other))).text
