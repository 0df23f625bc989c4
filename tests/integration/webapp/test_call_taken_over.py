"""A call in progress is taken over or ended by those who may: the bridge that has it is asked, its
answer is told as it is, and what nobody took is withdrawn. The cart shows as it fills.
"""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from sqlalchemy import select

from aiworker.call_memory import CallState
from controlplane.contracts import redis_keys
from controlplane.contracts.assignments import CallAsked, parse_assignment
from controlplane.contracts.call_requests import (
    EndCall,
    PutThrough,
    RequestAnswer,
    RequestRefusal,
    parse_call_request,
)
from controlplane.contracts.identifiers import new_id
from controlplane.models.audit_entry import AuditEntry
from controlplane.models.transfer_target import TransferTarget
from controlplane.restaurants import call_requests
from controlplane.restaurants.cart import CartLine, CartState
from tests.integration.webapp.seeded_calls import add_call, add_live_call
from tests.integration.webapp.site_under_test import SiteUnderTest

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

BRIDGE = "bridge-0"


class Bridge:
    """It hears what is asked of its calls, and answers as it is told to."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.asked: list[PutThrough | EndCall] = []
        self.refuses: RequestRefusal | None = None
        self.takes = self.answers = True

    async def listen(self, ready: asyncio.Event) -> None:
        async with self._redis.pubsub() as heard:
            await heard.subscribe(redis_keys.bridge_assignments(BRIDGE))
            ready.set()
            async for message in heard.listen():
                if message["type"] == "message":
                    await self._obey(parse_assignment(message["data"]))

    async def _obey(self, said: object) -> None:
        assert isinstance(said, CallAsked)
        if not self.takes:
            return
        body = await self._redis.getdel(redis_keys.call_request(said.call_id))
        assert body is not None
        request = parse_call_request(body)
        self.asked.append(request)
        if self.answers:
            answer = RequestAnswer(refused=self.refuses).to_json()
            await self._redis.set(redis_keys.request_answer(request.id), answer, ex=30)


@pytest_asyncio.fixture(loop_scope="module")
async def bridge(site: SiteUnderTest) -> AsyncIterator[Bridge]:
    bridge, ready = Bridge(site.site.redis), asyncio.Event()
    listening = asyncio.create_task(bridge.listen(ready))
    await ready.wait()
    yield bridge
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def a_call(site: SiteUnderTest) -> UUID:
    async with site.sessions.begin() as session:
        return await add_live_call(session, site.restaurant)


async def press(site: SiteUnderTest, call_id: UUID, deed: str, **form: str) -> str:
    """Press a button as staff, and return the page that follows."""
    answer = await site.by("staff").post(site.path(f"/calls/{call_id}/{deed}"), data=form)
    assert answer.status_code == 303
    return (await site.by("staff").get(answer.headers["location"])).text


async def test_the_bridge_is_asked_for_a_listed_number_and_it_is_on_record(
    site: SiteUnderTest, bridge: Bridge
) -> None:
    call_id = await a_call(site)
    async with site.sessions.begin() as session:
        lucia = new_id()
        number = {"name": "Lucia", "phone_e164": "+33639980017"}
        session.add(TransferTarget(id=lucia, restaurant_id=site.restaurant, **number))
        stranger = new_id()
        session.add(TransferTarget(id=stranger, restaurant_id=site.other, **number))
    page = (await site.by("staff").get(site.path(f"/calls/{call_id}"))).text
    assert "Lucia, 06" in page
    assert "le téléphone va sonner" in await press(site, call_id, "take", target=str(lucia))
    assert "ne peut pas être appelé" in await press(site, call_id, "take", target=str(stranger))
    assert "prend congé" in await press(site, call_id, "end")
    assert [getattr(each, "target_id", "end") for each in bridge.asked] == [lucia, "end"]
    bridge.refuses = RequestRefusal.NOT_WITH_ASSISTANT
    assert "n’est pas avec l’IA" in await press(site, call_id, "take")
    async with site.sessions() as session:
        noted = await session.execute(
            select(AuditEntry.actor, AuditEntry.action).where(
                AuditEntry.object == f"phone_call:{call_id}"
            )
        )
    staff = f"user:{site.users['staff']}"
    assert sorted(noted.all()) == [(staff, deed) for deed in ("end_call", *["put_through"] * 2)]


async def test_what_no_bridge_took_is_withdrawn_and_what_it_took_is_not_denied(
    site: SiteUnderTest, bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_requests, "ANSWER_S", 0.2)
    call_id = await a_call(site)
    bridge.takes = False
    assert "rien n’est fait" in await press(site, call_id, "take")
    assert not await site.site.redis.exists(redis_keys.call_request(call_id))
    bridge.takes, bridge.answers = True, False
    assert "Nous ne savons pas" in await press(site, call_id, "take")
    await site.site.redis.set(redis_keys.call_request(call_id), "{}", ex=5)
    assert "Attendez un instant" in await press(site, call_id, "end")
    assert len(bridge.asked) == 1


async def test_nothing_is_asked_of_a_call_that_is_over_or_anothers(
    site: SiteUnderTest, bridge: Bridge
) -> None:
    async with site.sessions.begin() as session:
        over = await add_call(session, site.restaurant)
        others = await add_live_call(session, site.other)
    for call_id in (over, others):
        for deed in ("take", "end"):
            answer = await site.by("owner").post(site.path(f"/calls/{call_id}/{deed}"))
            assert answer.status_code == 404
    garbage = site.path(f"/calls/{await a_call(site)}/take")
    assert (await site.by("staff").post(garbage, data={"target": "%00"})).status_code == 404
    assert bridge.asked == []


async def test_the_cart_of_a_live_call_is_the_workers_own(site: SiteUnderTest) -> None:
    call_id = await a_call(site)
    line = {"line": 1, "item_id": new_id(), "spoken_name": "reine", "category": "Pizzas"}
    reine = CartLine(**line, name="Reine", quantity=2, unit_price_cents=1_150, vat_rate_bp=1_000)
    state = CallState(cart=CartState(revision=1, next_line=2, lines=(reine,)), next_position=3)
    key = redis_keys.call_state(call_id)
    await site.site.redis.set(key, state.to_json(), ex=60)
    path = site.path(f"/calls/{call_id}")
    page = (await site.by("staff").get(path)).text
    assert "Reine" in page
    assert "23,00" in page
    assert "sera perdu" in (await site.by("staff").get(f"{path}/end")).text
    for unreadable in ("{", '{"cart": 1}', ""):
        await site.site.redis.set(key, unreadable, ex=60)
        assert "Le panier est vide" in (await site.by("staff").get(path)).text
