"""What many screens are to show is rendered once; what failed, or whose first asker went away, the
next one has.
"""

import asyncio

import pytest

from tests.waiting import until
from webapp import renderings
from webapp.renderings import Made, Renderings

pytestmark = pytest.mark.unit

MADE: Made = ((7, b"event: ticket\n\n"),)


class Kitchen:
    """It renders when it is told to, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.fails = False
        self.may = asyncio.Event()

    async def render(self) -> Made:
        self.asked += 1
        await self.may.wait()
        if self.fails:
            raise ConnectionError
        return MADE


async def test_who_asks_for_the_same_gets_the_same_rendered_once() -> None:
    kept, kitchen = Renderings(), Kitchen()
    asking = [asyncio.create_task(kept.get("a", kitchen.render)) for _ in range(100)]
    await until(lambda: kitchen.asked)
    asking.pop(0).cancel()
    kitchen.may.set()
    assert await asyncio.gather(*asking) == [MADE] * 99
    assert await kept.get("a", kitchen.render) == MADE
    assert kitchen.asked == 1
    await kept.get("b", kitchen.render)
    assert kitchen.asked == 2


async def test_a_failure_is_everybodys_and_is_not_kept() -> None:
    kept, kitchen = Renderings(), Kitchen()
    kitchen.fails = True
    asking = [asyncio.create_task(kept.get("a", kitchen.render)) for _ in range(3)]
    kitchen.may.set()
    failed = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(each) for each in failed] == [ConnectionError] * 3
    kitchen.fails = False
    assert await kept.get("a", kitchen.render) == MADE
    assert kitchen.asked == 2


async def test_it_keeps_no_more_than_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renderings, "MOST_KEPT", 2)
    kept, kitchen = Renderings(), Kitchen()
    kitchen.may.set()
    for key in ("a", "b", "c", "a"):
        await kept.get(key, kitchen.render)
    assert kitchen.asked == 4
