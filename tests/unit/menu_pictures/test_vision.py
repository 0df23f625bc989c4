"""A photo or a PDF of a menu becomes a file in our format, by a stand-in of OpenAI's API that
speaks its HTTP: what is asked, what is made of an answer, and every way that it may fail.
"""

import base64
import contextlib
import io
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from PIL import Image
from pypdf import PdfWriter

from controlplane.menu_pictures.errors import PictureProblem, PictureUnread
from controlplane.menu_pictures.vision import MOST_PAGES, MenuVision, is_picture
from controlplane.restaurants.menu_files.read_file import read_menu_file
from controlplane.restaurants.photo_file import PhotoRefused
from tests.openai_stand_in import API_KEY, OpenAIStandIn, completed, openai_stand_in

pytestmark = pytest.mark.unit

PRINTED: dict[str, Any] = {
    "categories": [
        {
            "name": "Pizzas",
            "dishes": [
                {
                    "name": "Reine",
                    "description": "Tomate,\n jambon",
                    "price_cents": None,
                    "alcohol": False,
                    "sizes": [
                        {"name": "26 cm", "price_cents": 1_100},
                        {"name": "33 cm", "price_cents": 1_400},
                    ],
                },
                {
                    "name": "Du chef",
                    "description": "",
                    "price_cents": None,
                    "alcohol": False,
                    "sizes": [],
                },
            ],
        },
        {
            "name": "Vins",
            "dishes": [
                {
                    "name": name,
                    "description": "",
                    "price_cents": 2_200,
                    "alcohol": True,
                    "sizes": [],
                }
                for name in ("Chianti", "chianti")
            ],
        },
    ]
}


@pytest.fixture(scope="module")
def openai() -> Iterator[OpenAIStandIn]:
    with openai_stand_in() as server:
        yield server


@contextlib.asynccontextmanager
async def vision(server: OpenAIStandIn, *, key: str = API_KEY) -> AsyncIterator[MenuVision]:
    reader = MenuVision(key, model="a-model", url=server.url)
    try:
        yield reader
    finally:
        await reader.close()


def jpeg() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "Appareil de Lucia"
    written = io.BytesIO()
    Image.new("RGB", (3_000, 2_000)).save(written, "JPEG", exif=exif)
    return written.getvalue()


def pdf(pages: int) -> bytes:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


async def test_a_photo_becomes_a_menu_of_what_is_printed_and_no_more(
    openai: OpenAIStandIn,
) -> None:
    openai.status, openai.answer = 200, completed(PRINTED)
    async with vision(openai) as reader:
        document = read_menu_file(await reader.read(jpeg()))
    reine, chef, *wines = (item for _, item in document.placed_items())
    assert (reine.price_cents, reine.description) == (1_100, "Tomate, jambon")
    [sizes] = document.option_groups
    assert [option.price_delta_cents for option in sizes.options] == [0, 300]
    assert not chef.active, "a dish without a price is not sold for nothing"
    assert {item.allergens for _, item in document.placed_items()} == {None}
    assert [(wine.name, wine.vat_rate_bp) for wine in wines] == [
        ("Chianti", 2_000),
        ("chianti (2)", 2_000),
    ]
    request = openai.requests[-1]
    assert request["store"] is False
    url = request["input"][0]["content"][1]["image_url"]
    sent = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    assert (max(sent.size), dict(sent.getexif())) == (2_048, {})


async def test_a_pdf_is_sent_as_one_and_has_few_pages(openai: OpenAIStandIn) -> None:
    openai.status, openai.answer = 200, completed(PRINTED)
    async with vision(openai) as reader:
        assert read_menu_file(await reader.read(pdf(2))).placed_items()
        asked = len(openai.requests)
        for data, problem in (
            (pdf(MOST_PAGES + 1), PictureProblem.TOO_MANY_PAGES),
            (b"%PDF-1.7\nrubbish", PictureProblem.NO_PDF),
            (b"%PDF-" + bytes(9_000_000), PictureProblem.TOO_LARGE),
        ):
            with pytest.raises(PictureUnread) as unread:
                await reader.read(data)
            assert unread.value.problem is problem
        with pytest.raises(PhotoRefused):
            await reader.read(jpeg()[:300])
        assert len(openai.requests) == asked, "what is refused is not sent"


@pytest.mark.parametrize(
    ("status", "answer", "problem"),
    [
        (429, {"error": {"message": "slow down"}}, PictureProblem.AWAY),
        (503, b"<html>", PictureProblem.AWAY),
        (400, {"error": {"message": "bad"}}, PictureProblem.REFUSED),
        (200, b"<html>", PictureProblem.UNREADABLE),
        (200, {"status": "incomplete", "output": []}, PictureProblem.UNREADABLE),
        (200, completed("I can't help with that"), PictureProblem.UNREADABLE),
        (200, completed({"categories": [{"name": "Pizzas"}]}), PictureProblem.UNREADABLE),
        (200, completed({"categories": []}), PictureProblem.NO_DISH),
    ],
)
async def test_each_failure_has_its_reason(
    openai: OpenAIStandIn, status: int, answer: Any, problem: PictureProblem
) -> None:
    openai.status, openai.answer = status, answer
    async with vision(openai) as reader:
        with pytest.raises(PictureUnread) as unread:
            await reader.read(pdf(1))
    assert unread.value.problem is problem


async def test_a_wrong_key_and_a_dead_port_are_told_apart(openai: OpenAIStandIn) -> None:
    async with vision(openai, key="sk-wrong") as reader:
        with pytest.raises(PictureUnread) as unread:
            await reader.read(pdf(1))
    assert unread.value.problem is PictureProblem.REFUSED
    reader = MenuVision(API_KEY, model="a-model", url="http://127.0.0.1:9/v1")
    with pytest.raises(PictureUnread) as unread:
        await reader.read(pdf(1))
    await reader.close()
    assert unread.value.problem is PictureProblem.AWAY


def test_files_are_told_from_pictures() -> None:
    assert is_picture(jpeg())
    assert is_picture(pdf(1))
    assert not is_picture(b"categorie;nom;prix\n")
    assert not is_picture(b'{"categories": []}')
