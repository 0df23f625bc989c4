"""How long the site takes for each page of a restaurant, and how often it asks Postgres.

A page is asked of the application itself, in this process: what is counted is the site's own time,
Postgres's included, and no network's.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final
from uuid import UUID

import httpx2
from fastapi import FastAPI
from sqlalchemy import event
from starlette.routing import Route

from webapp.routers import ROUTERS
from webapp.visitor import SESSION_COOKIE

OF_A_RESTAURANT: Final = "/place/{restaurant_id}"
LIVE: Final = "/events"
"""A stream does not end."""
DEADLINE_S: Final = 30.0
BASE_URL: Final = "http://site.bench"


@dataclass(slots=True)
class PageTimes:
    """What one page took, each time, and the queries that it asked: the fewest of all times, for
    the site's loops ask some beside it.
    """

    path: str
    ms: list[float] = field(default_factory=list)
    queries: int = sys.maxsize


def pages() -> list[str]:
    """Every page that is a restaurant's and no single order's, dish's or call's."""
    paths = {
        route.path
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, Route) and "GET" in (route.methods or ())
    }
    return sorted(
        path
        for path in paths
        if path.startswith(OF_A_RESTAURANT) and path.count("{") == 1 and not path.endswith(LIVE)
    )


async def time_pages(app: FastAPI, tokens: dict[UUID, str], *, rounds: int) -> Sequence[PageTimes]:
    """Ask every page of each of these restaurants as its owner; what is no page (a file, a leap
    elsewhere) is left out. The first round warms up and is not counted.
    """
    times = {path: PageTimes(path) for path in pages()}
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(
        transport=transport, base_url=BASE_URL, timeout=DEADLINE_S
    ) as client:
        for round_ in range(rounds + 1):
            for restaurant_id, token in tokens.items():
                client.cookies.set(SESSION_COOKIE, token)
                for page in times.values():
                    await _ask(app, client, page, restaurant_id, counted=round_ > 0)
    return [page for page in times.values() if page.ms]


async def _ask(
    app: FastAPI, client: httpx2.AsyncClient, page: PageTimes, restaurant_id: UUID, *, counted: bool
) -> None:
    path = page.path.replace("{restaurant_id}", str(restaurant_id))
    with _queries(app) as asked:
        began = perf_counter()
        answer = await client.get(path, headers={"accept": "text/html"})
        took_ms = (perf_counter() - began) * 1_000
    if answer.is_server_error:
        answer.raise_for_status()
    if answer.status_code == 200 and "text/html" in answer.headers["content-type"] and counted:
        page.ms.append(took_ms)
        page.queries = min(page.queries, len(asked))


@contextmanager
def _queries(app: FastAPI) -> Iterator[list[str]]:
    asked: list[str] = []
    engine = app.state.site.sessions.kw["bind"].sync_engine

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)
