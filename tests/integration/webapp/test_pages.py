"""Every page asks Postgres at most ten times, is well-formed and typeset, leads to pages that are,
speaks English when it is asked to, and says nothing of a neighbour.
"""

import re
from html.parser import HTMLParser
from itertools import chain
from urllib.parse import urlsplit

import pytest
from starlette.routing import Match, Mount

from tests.integration.webapp.pages.all_pages import all_pages
from tests.integration.webapp.pages.page import Page
from tests.integration.webapp.site_under_test import SiteUnderTest, statements
from webapp.routers import ROUTERS

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

MOST_STATEMENTS = 10
BADLY_SET = re.compile(r"'|\w [:;!?»]|« |\d [%€]|\d h \d\d")
"""A straight apostrophe, or a plain space where French has a no-break one."""


class Read(HTMLParser):
    """The ids, what refers to them, the texts, and what the strict CSP would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: set[str] = set()
        self.texts: list[str] = []
        self.refused: list[str] = []
        self.headings: list[int] = []
        self.leads_to: set[tuple[str, str]] = set()
        self._raw = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids += [given["id"]] if "id" in given else []
        for name in ("for", "aria-labelledby", "aria-describedby", "popovertarget", "form"):
            self.targets |= set(given.get(name, "").split())
        if given.get("href", "").startswith("#"):
            self.targets.add(given["href"][1:])
        if tag == "a" and given.get("href", "").startswith("/"):
            self.leads_to.add(("GET", given["href"]))
        if tag == "form" and given.get("action", "").startswith("/"):
            self.leads_to.add((given.get("method", "get").upper(), given["action"]))
        self.refused += [f"{tag} {name}" for name in given if name == "style" or name[:2] == "on"]
        self._raw += tag in {"script", "style", "code", "pre"}
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        self._raw -= tag in {"script", "style", "code", "pre"}

    def handle_data(self, data: str) -> None:
        if not self._raw and data.strip():
            self.texts.append(data.strip())


def leads_somewhere(site: SiteUnderTest, method: str, url: str) -> bool:
    """Whether a route, or an application of its own such as the API, answers at the address."""
    scope = {"type": "http", "method": method, "path": urlsplit(url).path, "root_path": ""}
    mounted = [route for route in site.app.routes if isinstance(route, Mount)]
    routes = chain(mounted, *(router.routes for router in ROUTERS))
    return any(route.matches(scope)[0] is Match.FULL for route in routes)


@pytest.mark.parametrize("page", all_pages(), ids=lambda page: page.name)
async def test_a_page(site: SiteUnderTest, page: Page) -> None:
    path = page.path.format(restaurant=site.restaurant, **await page.seed(site))
    if page.names_all:
        assert (await site.by("owner").get(path)).status_code == 404
    client = site.by(page.visitor)
    with statements(site) as executed:
        answer = await client.get(path)
    assert answer.status_code == page.status, answer.text[:500]
    assert len(executed) <= MOST_STATEMENTS, "\n---\n".join(executed)
    read = Read()
    read.feed(answer.text)
    assert len(read.ids) == len(set(read.ids)), "an id is there twice"
    assert read.targets <= set(read.ids), read.targets - set(read.ids)
    assert read.refused == []
    assert [each for each in sorted(read.leads_to) if not leads_somewhere(site, *each)] == []
    assert read.headings.count(1) == 1, "one h1"
    assert all(
        after - before <= 1 for before, after in zip(read.headings, read.headings[1:], strict=False)
    )
    assert [text for text in read.texts if BADLY_SET.search(text)] == []
    client.cookies.set("language", "en")
    english = await client.get(path)
    client.cookies.delete("language")
    assert english.status_code == page.status
    assert '<html lang="en">' in english.text
    assert page.names_all or "Le Voisin" not in answer.text
