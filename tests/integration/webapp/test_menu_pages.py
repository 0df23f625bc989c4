"""A manager edits, publishes and takes back the menu on its pages; of two who edit neither loses
what they typed; a neighbour's menu is never reached.
"""

import re

import httpx2
import pytest
from sqlalchemy import delete, func, select, update

from controlplane.contracts.identifiers import new_id
from controlplane.models.audit_entry import AuditEntry
from controlplane.models.menu_draft import MenuDraft
from controlplane.restaurants.config_cache import read_restaurant_config
from controlplane.restaurants.menu_document import MenuDocument, OptionEntry
from controlplane.restaurants.menu_edits import mark_of
from tests.integration.webapp.menus import (
    DOUGH,
    PUBLISHED,
    dearer,
    dish,
    dish_id,
    draft,
    publish,
    told_price,
)
from tests.integration.webapp.site_under_test import SiteUnderTest
from webapp.menu.forms import MOST_OPTIONS

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


def fields(html: str) -> dict[str, str | list[str]]:
    """What the form `edit` of a page would send as it is."""
    form = html[html.index('id="edit"') : html.index('class="save-bar"')]
    sent: dict[str, str | list[str]] = dict(
        re.findall(r'<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"(?! checked)', form)
    )
    for name in ("allergen", "group"):
        sent.pop(name, None)
        ticked = re.findall(rf'name="{name}" value="([^"]+)" checked', form)
        if ticked:
            sent[name] = ticked
    for name in ("active", "alcohol", "set_menu", "declared"):
        sent.pop(name, None)
        if re.search(rf'name="{name}" value="1" checked', form):
            sent[name] = "1"
    sent["vat"] = re.findall(r'<option value="(\d+)" selected', form)[0]
    sent["category"] = re.findall(r'id="category".*?value="([^"]*)" selected', form, re.S)[0]
    sent["description"] = re.findall(r"<textarea[^>]*>([^<]*)</textarea>", form)[0]
    return sent


async def said_after(client: httpx2.AsyncClient, answer: httpx2.Response) -> str:
    assert answer.status_code == 303, answer.text
    return (await client.get(answer.headers["location"])).text


async def begin(site: SiteUnderTest) -> None:
    """The published menu, and no draft."""
    async with site.session() as session, session.begin():
        await session.execute(delete(MenuDraft))
    await publish(site)


async def test_a_price_is_changed_published_told_to_the_next_call_and_taken_back(
    site: SiteUnderTest,
) -> None:
    """1. The form shows the dish. 2. What cannot be read is kept as typed. 3. Saved, it is in the
    draft and callers hear the old price. 4. Published as looked at, the next call hears the new
    one. 5. Undone, the old one; versions and audit know who did it.
    """
    await begin(site)
    manager = site.by("manager")
    page = site.path(f"/menu/items/{await dish_id(site, 'Margherita')}")
    typed = fields((await manager.get(page)).text)
    assert (typed["price"], typed["group"]) == ("9,50", ["Pâte", "Suppléments"])
    wrong = await manager.post(page, data={**typed, "price": "12,5O", "aliases": "la marguerite"})
    assert (wrong.status_code, 'value="12,5O"' in wrong.text) == (422, True)
    assert 'value="la marguerite"' in wrong.text
    both = await manager.post(page, data={**typed, "price": "", "name": " "})
    assert (both.text.count('class="error"'), "<h1>Margherita" in both.text) == (2, True)
    lines = "Sauce tomate,\r\nmozzarella, basilic "
    right = await manager.post(page, data={**typed, "price": "10,50", "description": lines})
    menu = await said_after(manager, right)
    assert "1 changement" in menu
    assert await told_price(site, "Margherita") == 950
    preview = (await manager.get(site.path("/menu/publish"))).text
    assert re.search(r"<del>9,50.€</del><ins>10,50.€</ins>", preview)
    stale = await manager.post(site.path("/menu/publish"), data={"revision": "99"})
    assert stale.status_code == 409
    revision = re.findall(r'name="revision" value="(\d+)"', preview)[0]
    assert "Version" in await said_after(
        manager, await manager.post(site.path("/menu/publish"), data={"revision": revision})
    )
    config, _ = await read_restaurant_config(site.site.sessions, site.restaurant)
    assert {item.name: item.price_cents for item in config.menu}["Margherita"] == 1_050
    versions = (await manager.get(site.path("/menu/versions"))).text
    seen = {"over": re.findall(r'name="over" value="(\d+)"', versions)[0]}
    undone, twice = [await manager.post(site.path("/menu/undo"), data=seen) for _ in range(2)]
    assert undone.headers["location"] == site.path("/menu")
    assert "publiée entre-temps" in await said_after(manager, twice)
    assert "Manager Esposito" in await said_after(manager, undone)
    assert await told_price(site, "Margherita") == 950
    async with site.session() as session:
        deeds = await session.scalars(
            select(AuditEntry.action).where(AuditEntry.actor == f"user:{site.users['manager']}")
        )
    assert list(deeds) == ["save_menu_draft", "publish_menu", "publish_menu"]


async def test_two_who_edit_one_dish_see_both_versions_and_neither_is_lost(
    site: SiteUnderTest,
) -> None:
    await begin(site)
    manager, owner = site.by("manager"), site.by("owner")
    page = site.path(f"/menu/items/{await dish_id(site, 'Margherita')}")
    mine, theirs = fields((await manager.get(page)).text), fields((await owner.get(page)).text)
    other_page = site.path(f"/menu/items/{await dish_id(site, 'Chianti')}")
    other = fields((await owner.get(other_page)).text)
    assert (await owner.post(other_page, data={**other, "price": "20"})).status_code == 303
    assert (await owner.post(page, data={**theirs, "price": "11"})).status_code == 303
    refused = await manager.post(page, data={**mine, "price": "12"})
    assert refused.status_code == 409
    assert re.search(r"<del>11,00.€</del><ins>12,00.€</ins>", refused.text)
    kept = await manager.post(page, data=fields(refused.text))
    assert kept.status_code == 303
    gone = await owner.post(f"{page}/remove", data={"seen": mine["seen"]})
    assert (gone.status_code, "Relisez-la" in gone.text) == (409, True)
    preview = (await manager.get(site.path("/menu/publish"))).text
    assert re.search(r"<ins>12,00.€</ins>", preview)
    assert re.search(r"<ins>20,00.€</ins>", preview), "another dish is nobody's conflict"


async def test_a_dish_called_otherwise_keeps_its_id_and_a_removed_one_goes_when_published(
    site: SiteUnderTest,
) -> None:
    await begin(site)
    manager = site.by("manager")
    item_id = await dish_id(site, "Quatre saisons")
    page = site.path(f"/menu/items/{item_id}")
    shown = await manager.get(page)
    renamed = {**fields(shown.text), "name": "Quatre-saisons du chef"}
    await manager.post(page, data=renamed)
    gone_page = site.path(f"/menu/items/{await dish_id(site, 'Chianti')}")
    seen = fields((await manager.get(gone_page)).text)["seen"]
    assert (await manager.post(f"{gone_page}/remove", data={"seen": seen})).status_code == 303
    added = {**renamed, "name": "Calzone", "seen": "", "price": "11"}
    assert (await manager.post(site.path("/menu/items/new"), data=added)).status_code == 303
    twice = await manager.post(site.path("/menu/items/new"), data=added)
    assert (twice.status_code, "existe déjà" in twice.text) == (422, True)
    preview = (await manager.get(site.path("/menu/publish"))).text
    assert "<del>Quatre saisons</del><ins>Quatre-saisons du chef</ins>" in preview
    revision = re.findall(r'name="revision" value="(\d+)"', preview)[0]
    await manager.post(site.path("/menu/publish"), data={"revision": revision})
    assert await dish_id(site, "Quatre-saisons du chef") == item_id
    assert (await told_price(site, "Chianti"), await told_price(site, "Calzone")) == (None, 1_100)


async def test_what_makes_dishes_impossible_to_order_is_not_published(site: SiteUnderTest) -> None:
    await begin(site)
    empty = PUBLISHED.option_groups[0].model_copy(update={"options": ()})
    broken = PUBLISHED.model_copy(update={"option_groups": (empty, PUBLISHED.option_groups[1])})
    await draft(site, broken)
    manager = site.by("manager")
    shown = (await manager.get(site.path("/menu/publish"))).text
    assert "À corriger avant de publier" in shown
    [mends] = re.findall(r'<a href="([^"]+)">Corriger<span class="unseen"> Pâte<', shown)
    assert "<h1>Pâte</h1>" in (await manager.get(mends)).text
    assert 'name="revision"' not in shown
    async with site.session() as session:
        revision = await session.scalar(select(MenuDraft.revision))
    refused = await manager.post(site.path("/menu/publish"), data={"revision": str(revision)})
    assert refused.status_code == 409


async def test_what_was_published_meanwhile_is_taken_back_only_when_somebody_says_so(
    site: SiteUnderTest,
) -> None:
    await begin(site)
    await draft(site, dearer(PUBLISHED, "Margherita", 1_100))
    await publish(site, dearer(PUBLISHED, "Quatre fromages", 1_400))
    manager = site.by("manager")
    shown = (await manager.get(site.path("/menu/publish"))).text
    assert "Publié entre-temps" in shown
    revision = re.findall(r'name="revision" value="(\d+)"', shown)[0]
    sent = {"revision": revision}
    assert (await manager.post(site.path("/menu/publish"), data=sent)).status_code == 409
    assert await told_price(site, "Quatre fromages") == 1_400
    sent |= {"over": "1"}
    assert (await manager.post(site.path("/menu/publish"), data=sent)).status_code == 303
    assert await told_price(site, "Quatre fromages") == 1_250


async def test_groups_and_categories_are_edited_and_checked(site: SiteUnderTest) -> None:
    await begin(site)
    manager = site.by("manager")
    group = {"name": "Sauces", "min": "2", "max": "1", "free": "0", "o0-name": "Pesto", "seen": ""}
    wrong = await manager.post(site.path("/menu/options"), data=group)
    assert (wrong.status_code, 'value="Pesto"' in wrong.text) == (422, True)
    group |= {"min": "0", "o0-price": "1,50", "o1-name": "Ail", "o1-price": "−0,50"}
    assert (await manager.post(site.path("/menu/options"), data=group)).status_code == 303
    shown = (await manager.get(site.path("/menu/options?name=Sauces"))).text
    assert 'value="−0,50"' in shown
    taken = await manager.post(site.path("/menu/category"), data={"name": "pizza", "seen": ""})
    assert taken.status_code == 422
    full = await manager.post(site.path("/menu/category/remove?name=Pizzas"))
    assert (full.status_code, "Déplacez-les" in full.text) == (409, True)
    await manager.post(site.path("/menu/category/move?name=Vins"), data={"to": "up"})
    listed = (await manager.get(site.path("/menu"))).text
    assert listed.index('id="c-1-title">Vins') < listed.index('id="c-2-title">Pizzas')


async def test_a_menu_of_garbage_is_refused_field_by_field(site: SiteUnderTest) -> None:
    await begin(site)
    manager = site.by("manager")
    garbage = {
        "name": "x" * 200,
        "category": "Nulle part",
        "price": "-4",
        "vat": "dix",
        "points": "1000",
        "allergen": "plutonium",
        "available": "jamais",
        "group": "Fantômes",
        "seen": "",
    }
    refused = await manager.post(site.path("/menu/items/new"), data=garbage)
    assert refused.status_code == 422
    assert len(re.findall(r'class="error"', refused.text)) >= 5
    for change in ({"name": "\ufffd"}, {"alcohol": "1"}, {"allergen": "lait", "declared": "1"}):
        sane = {"name": "Test", "category": "Pizzas", "price": "5", "vat": "1000", "points": "1"}
        again = await manager.post(site.path("/menu/items/new"), data={**sane, **change})
        assert again.status_code == 422, change


async def test_a_neighbours_dish_is_no_dish_of_this_menu(site: SiteUnderTest) -> None:
    await begin(site)
    document = MenuDocument(
        categories=(PUBLISHED.categories[0].model_copy(update={"items": (dish("Secret", 1),)}),)
    )
    neighbour = SiteUnderTest(
        site.app, site.engine, site.other, site.restaurant, site.users, site.cookies
    )
    await publish(neighbour, document)
    theirs = await dish_id(neighbour, "Secret")
    manager = site.by("manager")
    for item_id in (theirs, new_id()):
        assert (await manager.get(site.path(f"/menu/items/{item_id}"))).status_code == 404
    assert "Secret" not in (await manager.get(site.path("/menu"))).text
    async with site.session() as session:
        assert await session.scalar(select(func.count()).select_from(MenuDraft)) == 0


async def test_a_draft_of_an_old_format_is_told_of_and_may_be_thrown_away(
    site: SiteUnderTest,
) -> None:
    await begin(site)
    await draft(site, PUBLISHED)
    async with site.sessions.begin() as session:
        await session.execute(update(MenuDraft).values(document={"categories": [{"old": 1}]}))
    manager = site.by("manager")
    told = await said_after(manager, await manager.get(site.path("/menu")))
    assert "ancien format" in told
    assert (await manager.post(site.path("/menu/discard"))).status_code == 303
    assert (await manager.get(site.path("/menu"))).status_code == 200


async def test_a_group_that_no_form_can_hold_loses_no_choice(site: SiteUnderTest) -> None:
    await begin(site)
    choices = tuple(OptionEntry(name=f"Choix numéro {at}") for at in range(MOST_OPTIONS + 1))
    long = PUBLISHED.option_groups[1].model_copy(update={"options": choices})
    await draft(site, PUBLISHED.model_copy(update={"option_groups": (DOUGH, long)}))
    page = site.path("/menu/options?name=Suppl%C3%A9ments")
    manager = site.by("manager")
    sent = {"name": "Suppléments", "min": "0", "max": "3", "free": "0", "o0-name": "Œuf"}
    refused = await manager.post(page, data={**sent, "seen": mark_of(long)})
    assert (refused.status_code, "fichier JSON" in refused.text) == (422, True)
