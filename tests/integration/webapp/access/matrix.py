"""One row of the matrix of who may do what: a route, and the status that each visitor gets."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.integration.webapp.site_under_test import SiteUnderTest

Statuses = dict[str, int]
"""By visitor: `anonymous`, `other` (another restaurant's owner), `staff`, `manager`, `owner`,
`tablet`, `platform`. 303 leads an anonymous visitor to the sign-in page; a tablet has the kitchen
alone."""


def least_staff(status: int) -> Statuses:
    return _all(303, 404, status, status, status, 404)


def least_manager(status: int) -> Statuses:
    return _all(303, 404, 403, status, status, 404)


def least_owner(status: int) -> Statuses:
    return _all(303, 404, 403, 403, status, 404)


def kitchen(status: int) -> Statuses:
    """Members, and the paired tablet."""
    return _all(303, 404, status, status, status, status)


def everybody(status: int) -> Statuses:
    return _all(*[status] * 6, platform=status)


def platform_alone(status: int) -> Statuses:
    """For anybody else the back office is not there."""
    return _all(303, 404, 404, 404, 404, 303, platform=status)


def _all(*statuses: int, platform: int = 404) -> Statuses:
    """Who works for the platform is nobody at a restaurant, unless they look at it."""
    names = ("anonymous", "other", "staff", "manager", "owner", "tablet")
    return {**dict(zip(names, statuses, strict=True)), "platform": platform}


@dataclass(frozen=True, slots=True)
class Row:
    """`path` is the route's own, as in its decorator, with its prefix; ids that do not exist fill
    it, unless `ids` gives others. A POST sends `form`.

    A row asks what a right gives, so a status may be 404 for everybody with it: the thing is not
    there. `unless` says why a row is not asked at all, such as a stream that does not end.
    """

    method: str
    path: str
    statuses: Statuses
    form: dict[str, str] = field(default_factory=dict)
    ids: Callable[[SiteUnderTest], dict[str, str]] = lambda _site: {}
    unless: str = ""
