"""The list of calls: which of them deserve attention. Filters, day and search are in its URL."""

from datetime import UTC, datetime
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from controlplane.models.membership import Role
from webapp.calls.queries import PAGE, Asked, Filter, count_calls, list_calls
from webapp.calls.words import LOOKS, TABS, badge, summary
from webapp.forms import read_date, read_uuid
from webapp.place import StaffHere

MOST_WORDS: Final = 60
"""Nobody's name is longer; what is sought longer is found nowhere."""

router = APIRouter(prefix="/place/{restaurant_id}/calls", include_in_schema=False)


@router.get("")
async def calls(
    place: StaffHere,
    outcome: Annotated[str, Query(max_length=20)] = "",
    day: Annotated[str, Query(max_length=10)] = "",
    q: Annotated[str, Query(max_length=200)] = "",
    after: Annotated[str, Query(max_length=36)] = "",
) -> HTMLResponse:
    """Show the newest calls first. What the URL says wrongly is not asked for, and stays empty."""
    asked = Asked(
        filter=Filter(outcome) if outcome in {*Filter} else Filter.ALL,
        day=read_date(day),
        words=q.replace("\0", "").strip()[:MOST_WORDS],
        after=read_uuid(after),
    )
    now = datetime.now(UTC).astimezone(place.zone)
    async with place.session() as session:
        found = await list_calls(session, place.restaurant_id, asked, place.zone)
        counts = await count_calls(session, place.restaurant_id, now.date(), place.zone)
    shown = found[:PAGE]

    def link(**changed: str) -> str:
        return place.url("/calls") + _query(asked, **changed)

    return place.page(
        "calls/list.html",
        asked=asked,
        calls=shown,
        counts=counts,
        now=now,
        tabs=TABS,
        looks=LOOKS,
        badge=badge,
        summary=lambda call: summary(call, place.zone),
        link=link,
        older=link(after=str(shown[-1].id)) if len(found) > PAGE else "",
        sees_cost=place.may(Role.MANAGER),
    )


def _query(asked: Asked, **changed: str) -> str:
    """Spell the query of a page that asks the same, but for what is `changed`; from its first page
    on, unless `after` is.
    """
    said = {
        "outcome": asked.filter.value,
        "day": asked.day.isoformat() if asked.day else "",
        "q": asked.words,
        **changed,
    }
    kept = {name: value for name, value in said.items() if value}
    return f"?{urlencode(kept)}" if kept else ""
