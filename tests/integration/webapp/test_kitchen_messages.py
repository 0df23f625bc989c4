"""Voice messages on the kitchen page: shown at once, played, marked, and closed to others."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import text

from controlplane.bridge.calls.recording import Recording
from controlplane.contracts.identifiers import new_id
from controlplane.models.event_outbox import EventOutbox, OutboxTopic
from controlplane.models.voice_message import VoiceMessage
from tests.integration.webapp.site_under_test import SiteUnderTest
from webapp.kitchen.messages import PAGE_LIMIT

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

L16 = bytes(range(250)) * 128  # 2 s


@pytest.fixture(autouse=True)
async def no_messages(site: SiteUnderTest) -> None:
    async with site.sessions.begin() as session:
        await session.execute(text("TRUNCATE voice_message, event_outbox"))


async def leave(site: SiteUnderTest, *, number: str | None = None, heard: bool = False) -> UUID:
    """As the bridge agent delivers it."""
    message_id, now = new_id(), datetime.now(UTC)
    async with site.sessions.begin() as session:
        session.add(
            VoiceMessage(
                id=message_id,
                restaurant_id=site.restaurant,
                channel_uuid=new_id(),
                caller_number=number,
                recorded_at=now,
                duration_ms=2_000,
                audio=Recording(site.restaurant, number, L16).wav(),
                heard_at=now if heard else None,
            )
        )
        await session.flush()
        session.add(
            EventOutbox(
                restaurant_id=site.restaurant,
                topic=OutboxTopic.VOICE_MESSAGE_LEFT,
                payload={"voice_message_id": str(message_id)},
            )
        )
    return message_id


async def board(site: SiteUnderTest, visitor: str = "staff") -> str:
    return (await site.by(visitor).get(site.path("/kitchen"))).text


async def news(site: SiteUnderTest, visitor: str) -> str:
    """What the stream says of everything that was ever committed."""
    path = site.path("/events?topics=voice&after=0&once=true")
    return (await site.by(visitor).get(path)).text


async def test_a_message_is_shown_and_again_when_heard(site: SiteUnderTest) -> None:
    """A member reads the number, a tablet on the wall its last two digits."""
    message_id = await leave(site, number="+33639980123")
    number, digits = "06\u00a039\u00a098\u00a001\u00a023", "••\u00a023"
    for told in (news, board):
        of_member, of_tablet = await told(site, "staff"), await told(site, "tablet")
        assert number in of_member
        assert digits in of_tablet
        assert "3998" not in of_tablet.replace("\u00a0", "")
        for page in (of_member, of_tablet):
            assert f"/messages/{message_id}.wav" in page
    assert '"heard":false' in await news(site, "staff")
    for _ in range(2):
        heard = await site.by("tablet").post(site.path(f"/kitchen/messages/{message_id}/heard"))
        assert heard.status_code == 303
    assert '"heard":true' in await news(site, "staff")


async def test_an_unheard_message_is_not_pushed_off_the_page(site: SiteUnderTest) -> None:
    forgotten = await leave(site)
    for _ in range(PAGE_LIMIT):
        await leave(site, heard=True)
    page = await board(site)
    assert f'id="message-{forgotten}"' in page
    assert "Numéro masqué" in page
    assert "tel:" not in page


async def test_it_is_played_whole_or_in_parts(site: SiteUnderTest) -> None:
    path = site.path(f"/messages/{await leave(site)}.wav")
    whole = await site.by("tablet").get(path)
    assert whole.status_code == 200
    assert whole.headers["content-type"] == "audio/wav"
    assert "media-src 'self'" in whole.headers["content-security-policy"]
    assert whole.content == Recording(site.restaurant, None, L16).wav()
    part = await site.by("tablet").get(path, headers={"range": "bytes=44-47"})
    assert (part.status_code, part.content) == (206, L16[:4])
    assert part.headers["content-range"] == f"bytes 44-47/{len(whole.content)}"
    beyond = await site.by("tablet").get(path, headers={"range": "bytes=999999-"})
    assert beyond.status_code == 416


async def test_others_get_nothing(site: SiteUnderTest) -> None:
    message_id = await leave(site, number="+33639980123")
    theirs = f"/place/{site.other}"
    wav = f"/messages/{message_id}.wav"
    assert (await site.by("other").get(theirs + wav)).status_code == 404
    assert (await site.by("other").get(site.path(wav))).status_code == 404
    assert (await site.by("anonymous").get(site.path(wav))).status_code == 303
    heard = await site.by("other").post(f"{theirs}/kitchen/messages/{message_id}/heard")
    assert heard.status_code == 404
    assert str(message_id) not in (await site.by("other").get(f"{theirs}/kitchen")).text
