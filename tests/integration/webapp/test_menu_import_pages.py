"""A menu comes from another system's table, from JSON or, by a stand-in of OpenAI's API, from a
photo: always as a draft, with a report by line; a dish's photo is its restaurant's alone.
"""

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import delete, func, select

from controlplane.menu_pictures.vision import MenuVision
from controlplane.models.menu_draft import MenuDraft
from controlplane.models.menu_photo import MenuPhoto
from controlplane.restaurants.menu_document import MenuDocument
from tests.integration.webapp.menus import PUBLISHED, dish_id, draft, publish, told_price
from tests.integration.webapp.site_under_test import SiteUnderTest
from tests.openai_stand_in import API_KEY, OpenAIStandIn, completed, openai_stand_in

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

TABLE = "Rubrique;Libellé;Tarif;Code\nPizzas;Reine;12,50;A1\n;Cola;3 euros;A2\n"


@pytest.fixture(scope="module")
def openai() -> Iterator[OpenAIStandIn]:
    with openai_stand_in() as server:
        yield server


def jpeg(width: int = 900) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "Appareil"
    written = io.BytesIO()
    Image.new("RGB", (width, 600), "tomato").save(written, "JPEG", exif=exif)
    return written.getvalue()


async def begin(site: SiteUnderTest) -> None:
    async with site.session() as session, session.begin():
        await session.execute(delete(MenuDraft))
    await publish(site)


async def send(site: SiteUnderTest, name: str, data: bytes) -> Any:
    files = {"file": (name, data)}
    return await site.by("manager").post(site.path("/menu/import"), files=files)


async def drafted(site: SiteUnderTest) -> list[str]:
    async with site.session() as session:
        document = await session.scalar(select(MenuDraft.document))
    menu = MenuDocument.model_validate(document)
    return [f"{category} {item.name}" for category, item in menu.placed_items()]


async def test_a_tills_table_becomes_a_draft_once_its_columns_are_right(
    site: SiteUnderTest,
) -> None:
    """1. Columns are guessed, lines that cannot be read are named. 2. A category and another
    column mend them. 3. The draft is made of what was looked at, unless another was saved since.
    """
    await begin(site)
    manager = site.by("manager")
    sent = await send(site, "..\\caisse.csv", TABLE.encode("cp1252"))
    page = sent.headers["location"]
    first = (await manager.get(page)).text
    assert "ligne 3</strong>" in first.replace("\u00a0", " ") or "ligne 3" in first
    assert "<h1>caisse.csv</h1>" in first
    assert 'name="revision"' not in first
    again = {"c0": "categorie", "c1": "nom", "c2": "prix", "c3": "", "category": "Boissons"}
    second = (await manager.get(page, params=again)).text
    assert re.search(r"<ins>12,50.€</ins>", second)
    revision = re.findall(r'name="revision" value="(\d+)"', second)[0]
    await draft(site, PUBLISHED.model_copy(update={"option_groups": PUBLISHED.option_groups[::-1]}))
    late = await manager.post(page, data={**again, "revision": revision})
    assert late.status_code == 409
    revision = re.findall(r'name="revision" value="(\d+)"', late.text)[0]
    made = await manager.post(page, data={**again, "revision": revision})
    assert made.headers["location"] == site.path("/menu/publish")
    assert await drafted(site) == ["Pizzas Reine", "Boissons Cola"]
    assert await told_price(site, "Margherita") == 950, "nothing of a file is published by itself"
    assert (await manager.get(page)).status_code == 303, "the file is forgotten"


async def test_json_comes_back_whole_and_files_that_are_none_are_refused(
    site: SiteUnderTest,
) -> None:
    await begin(site)
    whole = (await site.by("manager").get(site.path("/menu/carte.json"))).content
    sent = await send(site, "carte.json", whole)
    shown = await site.by("manager").get(sent.headers["location"])
    assert "Seul l’ordre" in shown.text.replace("'", "’"), "it is the menu of now"
    for name, data in (
        ("carte.xls", b"\xd0\xcf\x11\xe0" + bytes(50)),
        ("carte.xlsx", b"PK\x03\x04" + bytes(50)),
        ("carte.csv", b"a;b\n\xc3\xa9\n\xe9\xe9;\n"),
        ("carte.csv", b"a" * 5_000_001),
    ):
        refused = await send(site, name, data)
        assert (refused.status_code, "hint-list" in refused.text) == (422, True), name
    empty = await site.by("manager").post(site.path("/menu/import"), data={"file": "x"})
    assert empty.status_code == 422
    broken = await send(site, "carte.json", b'{"categories": [{"name": 3}]}')
    told = await site.by("manager").get(broken.headers["location"])
    assert "categories[0].name" in told.text


async def test_a_photo_of_a_menu_becomes_a_draft_by_the_model(
    site: SiteUnderTest, openai: OpenAIStandIn
) -> None:
    await begin(site)
    without = await send(site, "carte.jpg", jpeg())
    assert (without.status_code, "pas activée" in without.text) == (422, True)
    site.app.state.menu_vision = vision = MenuVision(API_KEY, model="m", url=openai.url)
    try:
        dish = {"description": "", "alcohol": False, "sizes": []}
        printed = [{"name": "Calzone", "price_cents": 1_150, **dish}]
        openai.answer = completed({"categories": [{"name": "Pizzas", "dishes": printed}]})
        sent = await send(site, "carte.jpg", jpeg())
        page = sent.headers["location"]
        shown = (await site.by("manager").get(page)).text
        assert "Calzone" in shown
        assert await told_price(site, "Calzone") is None
        revision = re.findall(r'name="revision" value="(\d+)"', shown)[0]
        await site.by("manager").post(page, data={"revision": revision})
        assert await drafted(site) == ["Pizzas Calzone"]
        openai.status = 503
        away = await send(site, "carte.jpg", jpeg())
        assert (away.status_code, "réessayez" in away.text) == (422, True)
        broken = await send(site, "carte.jpg", jpeg()[:300])
        assert broken.status_code == 422
    finally:
        openai.status = 200
        site.app.state.menu_vision = None
        await vision.close()


async def test_a_dishs_photo_is_small_cached_its_restaurants_and_gone_with_the_dish(
    site: SiteUnderTest,
) -> None:
    await begin(site)
    manager = site.by("manager")
    page = site.path(f"/menu/items/{await dish_id(site, 'Margherita')}")
    for data in (b"<svg/>", jpeg()[:200], b""):
        refused = await manager.post(f"{page}/photo", files={"photo": ("p.jpg", data)})
        assert (refused.status_code, 'id="photo-error"' in refused.text) == (422, True)
    saved = await manager.post(f"{page}/photo", files={"photo": ("p.jpg", jpeg(2_000))})
    assert saved.headers["location"] == page
    [url] = re.findall(r'<img class="dish-photo" src="([^"]+)"', (await manager.get(page)).text)
    shown = await site.by("staff").get(url)
    assert shown.headers["content-type"] == "image/webp"
    assert shown.headers["cache-control"] == "private, max-age=31536000, immutable"
    picture = Image.open(io.BytesIO(shown.content))
    assert (max(picture.size), dict(picture.getexif())) == (1_200, {})
    elsewhere = url.replace(str(site.restaurant), str(site.other))
    assert (await site.by("other").get(url)).status_code == 404
    assert (await site.by("other").get(elsewhere)).status_code == 404
    again = await manager.post(f"{page}/photo", files={"photo": ("p.jpg", jpeg())})
    assert again.status_code == 303
    assert (await manager.get(url)).status_code == 404, "another photo is at another address"
    await publish(site, PUBLISHED.model_copy(update={"categories": PUBLISHED.categories[1:]}))
    async with site.session() as session:
        assert await session.scalar(select(func.count()).select_from(MenuPhoto)) == 0
