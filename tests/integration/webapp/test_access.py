"""Every route times every kind of visitor answers what its feature declared, and a route that no
feature declared fails.
"""

import re

import pytest
from starlette.routing import Route

from controlplane.contracts.identifiers import new_id
from tests.integration.webapp.access.matrix import Row
from tests.integration.webapp.pages.all_pages import all_rows
from tests.integration.webapp.site_under_test import VISITORS, SiteUnderTest
from webapp.routers import ROUTERS

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

BY_A_KEY = ("/payer", "/payments", "/recu", "/r/", "/printers", "/stripe", "/star", "/epson")
"""Their own tests say who gets in."""
FILLED = re.compile(r"{(\w+)(?::\w+)?}")
GIVEN = {"status": "accepted", "to": "accepted", "date": "2026-12-24", "n": "1", "number": "1"}


def declared() -> set[tuple[str, str]]:
    return {(row.method, row.path) for row in all_rows()}


def served() -> set[tuple[str, str]]:
    return {
        (method, route.path)
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }


async def test_every_route_is_declared_and_every_declared_one_is_served() -> None:
    missing = {each for each in served() - declared() if not _opens_by_a_key(each[1])}
    assert (missing, declared() - served() - {("GET", "/healthz")}) == (set(), set())


@pytest.mark.parametrize("row", all_rows(), ids=lambda row: f"{row.method} {row.path}")
async def test_each_visitor_gets_the_declared_answer(site: SiteUnderTest, row: Row) -> None:
    if row.unless:
        assert len(row.unless.split()) >= 4, "say why the row is not asked"
        return
    got = {}
    for visitor in VISITORS:
        answer = await site.by(visitor).request(
            row.method, _filled(site, row), data=row.form or None
        )
        got[visitor] = answer.status_code
    assert got == row.statuses


def _filled(site: SiteUnderTest, row: Row) -> str:
    ids = {"restaurant_id": str(site.restaurant), **GIVEN, **row.ids(site)}
    return FILLED.sub(lambda found: ids.get(found[1], str(new_id())), row.path)


def _opens_by_a_key(path: str) -> bool:
    return any(path.startswith(start) or start in path for start in BY_A_KEY)
