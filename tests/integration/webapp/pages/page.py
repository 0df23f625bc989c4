"""One page that the shared tests look at: what is seeded, who looks, where."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.integration.webapp.site_under_test import SiteUnderTest

Names = dict[str, str]


async def nothing(_site: SiteUnderTest) -> Names:
    return {}


@dataclass(frozen=True, slots=True)
class Page:
    """`path` may hold `{restaurant}` and the names that `seed` returns; each page is seeded once,
    all of them in one database.
    """

    name: str
    """Such as `orders/list`; its screenshot is called so."""
    path: str
    visitor: str = "owner"
    seed: Callable[[SiteUnderTest], Awaitable[Names]] = nothing
    status: int = 200
    names_all: bool = False
    """It is the platform's: it may name every restaurant."""
