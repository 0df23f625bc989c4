"""The audit page: who did what at the restaurant, and when."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from webapp.audit import words
from webapp.audit.queries import Asked, read_deeds, read_names
from webapp.audit.words import SUBJECTS
from webapp.forms import read_date
from webapp.place import ManagerHere
from webapp.words import _

router = APIRouter(prefix="/place/{restaurant_id}/audit", include_in_schema=False)

ACTOR: Final = re.compile(r"[a-z]+(:[0-9a-f-]{36})?")
Text = Annotated[str, Query(max_length=60)]


@router.get("")
async def audit_page(
    place: ManagerHere, who: Text = "", what: Text = "", day: Text = "", after: UUID | None = None
) -> HTMLResponse:
    """Show deeds, newest first. A filter that is none of ours filters nothing."""
    chosen = SUBJECTS.get(what)
    on = read_date(day)
    actor = who if ACTOR.fullmatch(who) else ""
    asked = Asked(
        actor=actor, actions=frozenset(chosen[1]) if chosen else None, day=on, after=after
    )
    async with place.session() as session:
        deeds, more = await read_deeds(session, place.restaurant_id, asked, place.zone)
        names = await read_names(session, place.restaurant_id, deeds)
    kept = {"who": actor, "what": what if chosen else "", "day": on.isoformat() if on else ""}
    filters = {name: text for name, text in kept.items() if text}
    path = place.url("/audit")
    older = {**filters, "after": str(deeds[-1].id)} if more else {}
    people = sorted((name, ref) for ref, name in names.items())
    return place.page(
        "audit/page.html",
        deeds=deeds,
        names=names,
        people=[(ref, name) for name, ref in people],
        subjects=[(key, _(name)) for key, (name, _deeds) in SUBJECTS.items()],
        asked=kept,
        filtered=bool(filters),
        newest=f"{path}?{urlencode(filters)}" if after else "",
        older=f"{path}?{urlencode(older)}" if more else "",
        words=words,
        now=datetime.now(UTC).astimezone(place.zone),
    )
