"""Who asks the JSON API: a restaurant's own program, by a token with scopes and a pace."""

import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

import structlog
from fastapi import Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.redis_keys import api_pace
from controlplane.models.api_token import ApiScope, ApiToken
from controlplane.restaurants.api_tokens import find_token
from controlplane.restaurants.tokens import restaurant_of
from controlplane.tenancy import restaurant_session
from webapp.api.problems import Problem
from webapp.site import Site

MOST_A_MINUTE: Final = 300
"""A till that asks for open orders every second, and as much again for what it does with them."""
WINDOW_S: Final = 60

_bearer = HTTPBearer(auto_error=False, description="A token of the page « API ».")
_logger = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The program that asks, and the one restaurant it asks of."""

    site: Site
    token: ApiToken

    @property
    def restaurant_id(self) -> UUID:
        return self.token.restaurant_id

    @property
    def actor(self) -> str:
        """Who it is in events and in the audit log."""
        return f"api:{self.token.id}"

    def session(self) -> AsyncSession:
        """Open a session of this restaurant alone."""
        return restaurant_session(self.site.sessions, self.restaurant_id)


async def a_client(
    request: Request,
    response: Response,
    sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Client:
    """Return whose token it is. A wrong one, a revoked one and none get one answer."""
    site: Site = request.app.state.site
    restaurant_id = restaurant_of(sent.credentials) if sent else None
    token = None
    if sent and restaurant_id:
        async with restaurant_session(site.sessions, restaurant_id) as session, session.begin():
            token = await find_token(session, restaurant_id, sent.credentials, datetime.now(UTC))
    if token is None:
        raise Problem(
            401,
            "token",
            "Send a token of this restaurant: Authorization: Bearer …",
            headers={"WWW-Authenticate": "Bearer"},
        )
    await _keep_pace(site, token, response)
    return Client(site=site, token=token)


def allow(scope: ApiScope) -> Callable[[Client], Awaitable[Client]]:
    """Make the dependency of an operation that takes this scope."""

    async def allowed(client: Annotated[Client, Depends(a_client)]) -> Client:
        if scope not in client.token.scopes:
            raise Problem(403, "scope", f"This token lacks the scope {scope}.")
        return client

    return allowed


async def _keep_pace(site: Site, token: ApiToken, response: Response) -> None:
    """Count the request in its minute. While Redis is away nobody is held back."""
    now = int(time.time())
    key = api_pace(token.id, now // WINDOW_S)
    try:
        async with site.redis.pipeline(transaction=False) as commands:
            commands.incr(key)
            commands.expire(key, WINDOW_S)
            asked = int((await commands.execute())[0])
    except (RedisError, OSError) as error:
        _logger.warning("api_pace_unknown", error=type(error).__name__)
        return
    wait_s = WINDOW_S - now % WINDOW_S
    told = {
        "RateLimit-Limit": str(MOST_A_MINUTE),
        "RateLimit-Remaining": str(max(0, MOST_A_MINUTE - asked)),
        "RateLimit-Reset": str(wait_s),
    }
    if asked > MOST_A_MINUTE:
        raise Problem(
            429,
            "pace",
            f"At most {MOST_A_MINUTE} requests a minute.",
            headers={**told, "Retry-After": str(wait_s)},
            retry_after=wait_s,
        )
    response.headers.update(told)


async def request_hash(request: Request) -> str:
    """Name a request by what it asks: the same key with another hash is another request."""
    asked = f"{request.method} {request.url.path}\n".encode() + await request.body()
    return hashlib.sha256(asked).hexdigest()
