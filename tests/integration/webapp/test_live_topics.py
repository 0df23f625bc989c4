"""Who may hear of which topic, and what a topic's argument narrows it to."""

from uuid import UUID

import pytest

from controlplane.contracts.identifiers import new_id
from controlplane.models.menu import MenuCategory, MenuItem
from tests.integration.kitchen_orders import add_order
from tests.integration.webapp.site_under_test import SiteUnderTest
from webapp.topics import TOPICS

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def asked(site: SiteUnderTest, visitor: str, topics: str, **query: str) -> tuple[int, str]:
    path = site.path("/events")
    given = {"topics": topics, "after": "0", "once": "true", **query}
    answer = await site.by(visitor).get(path, params=given)
    return answer.status_code, answer.text


async def test_each_topic_is_heard_by_those_it_is_for_and_by_no_stranger(
    site: SiteUnderTest,
) -> None:
    for name, topic in TOPICS.items():
        for visitor in ("staff", "owner", "tablet"):
            allowed = topic.tablets if visitor == "tablet" else True
            status, text = await asked(site, visitor, name)
            assert status == (200 if allowed else 404), (name, visitor)
            assert ("event: alive" in text) == allowed
        assert (await asked(site, "other", name))[0] == 404
        assert (await asked(site, "anonymous", name))[0] == 303


TOO_MANY = ",".join(f"ticket:{number}" for number in range(33))


@pytest.mark.parametrize("topics", ["", "nothing", "ticket,nothing", TOO_MANY, ",", ":"])
async def test_what_is_no_topic_is_no_page(site: SiteUnderTest, topics: str) -> None:
    assert (await asked(site, "owner", topics))[0] == 404


async def test_a_page_that_cannot_say_what_it_saw_is_told_to_load_itself_again(
    site: SiteUnderTest,
) -> None:
    for after in ("", "99999999", "nonsense", "-1"):
        _, text = await asked(site, "tablet", "ticket", after=after)
        assert "event: reload" in text


async def test_a_station_hears_of_its_dishes_and_that_the_others_are_gone(
    site: SiteUnderTest,
) -> None:
    oven, bar = await a_dish(site, "Regina", "four n° 1"), await a_dish(site, "Spritz", "bar")
    async with site.sessions.begin() as session:
        pizza = await add_order(session, site.restaurant, item_id=oven)
        drink = await add_order(session, site.restaurant, item_id=bar)
    _, text = await asked(site, "tablet", "ticket:four%20n%C2%B0%201")
    assert f'id=\\"order-{drink}\\" data-live-gone' in text
    assert f'id=\\"order-{pizza}\\" data-live-gone' not in text
    assert f'"order":"{pizza}"' in text


async def a_dish(site: SiteUnderTest, name: str, station: str) -> UUID:
    item, category = new_id(), new_id()
    async with site.sessions.begin() as session:
        session.add(MenuCategory(id=category, restaurant_id=site.restaurant, name=name, position=0))
        await session.flush()
        session.add(
            MenuItem(
                id=item,
                restaurant_id=site.restaurant,
                category_id=category,
                name=name,
                spoken_name=name,
                price_cents=900,
                vat_rate_bp=1_000,
                position=0,
                station=station,
            )
        )
    return item
