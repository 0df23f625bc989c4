"""What operations of the JSON API share: how a page is asked for, how a deed is done once."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Header, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.restaurants.api_requests import name_subject, take_key
from webapp.api.access import Client, request_hash
from webapp.api.problems import ProblemBody

MOST_A_PAGE: Final = 100
Limit = Annotated[int, Query(ge=1, le=MOST_A_PAGE, description="So many a page.")]
After = Annotated[UUID | None, Query(description="The `next` of the page before.")]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=100,
        pattern=r"^[!-~]+$",
        description="Names the request: sent again within a day, it is not carried out again.",
    ),
]
Deed = Callable[[AsyncSession, datetime], Awaitable[UUID]]


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Document what an operation may answer beside its success: every one may answer the first."""
    every = {401, 403, 422, 429, 503}
    return {status: {"model": ProblemBody} for status in sorted(every.union(statuses))}


async def once(client: Client, request: Request, response: Response, key: str, deed: Deed) -> UUID:
    """Carry the deed out unless this key's was; return the id of what it made or changed."""
    asked = await request_hash(request)
    async with client.session() as session, session.begin():
        now = datetime.now(UTC)
        before = await take_key(session, client.token, key, asked, now)
        if before is not None:
            response.headers["Idempotency-Replayed"] = "true"
            return before
        subject = await deed(session, now)
        await name_subject(session, client.token, key, subject)
        return subject
