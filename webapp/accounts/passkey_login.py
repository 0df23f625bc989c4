"""Signing in by a passkey, and confirming by one: JSON, for `static/passkeys.js`."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.user_account import UserAccount
from controlplane.restaurants.passkeys import find_passkey, use_passkey
from controlplane.restaurants.people_errors import TooManyTries
from controlplane.restaurants.try_limits import CHALLENGE_NETWORK, TryLimits
from controlplane.restaurants.user_sessions import rotate
from webapp.accounts.arrival import new_session, signed_in
from webapp.accounts.passkeys import (
    ANYBODY,
    PasskeyRefused,
    ask_for_one,
    check_one,
    credential_of,
)
from webapp.accounts.tries import network_of
from webapp.accounts.words import said
from webapp.site import Site, SiteHere
from webapp.visitor import SESSION_COOKIE, UserHere, local_path, remember_user
from webapp.words import _

router = APIRouter(include_in_schema=False)


@router.post("/login/passkey/options")
async def sign_in_options(request: Request, site: SiteHere) -> Response:
    """Ask the browser for any key of the site."""
    try:
        await TryLimits(site.redis).take(CHALLENGE_NETWORK, network_of(request))
    except TooManyTries as error:
        return JSONResponse({"sentence": said(error)}, 429)
    return Response(await ask_for_one(site), media_type="application/json")


@router.post("/login/passkey")
async def sign_in_by_passkey(request: Request, site: SiteHere, next: str = "") -> Response:
    """Sign in whoever's key it is; it proves the person too, so that no code is asked for."""
    body = await request.body()
    try:
        async with site.sessions.begin() as session:
            user = await _owner_of(session, site, body, ANYBODY)
            token = await new_session(session, request, site, user)
    except PasskeyRefused:
        return _refused()
    answer = JSONResponse({"location": local_path(next, "/")})
    signed_in(answer, request, site, user, token)
    return answer


@router.post("/account/confirm/passkey/options")
async def confirm_options(site: SiteHere, user: UserHere) -> Response:
    """Ask the browser for a key, for this user alone."""
    options = await ask_for_one(site, str(user.user_id))
    return Response(options, media_type="application/json")


@router.post("/account/confirm/passkey")
async def confirm_by_passkey(
    request: Request, site: SiteHere, user: UserHere, next: str = ""
) -> Response:
    """Take a key of the user's own for their password."""
    body = await request.body()
    before = request.cookies.get(site.cookie(SESSION_COOKIE), "")
    try:
        async with site.sessions.begin() as session:
            owner = await _owner_of(session, site, body, str(user.user_id))
            if owner.id != user.user_id:
                raise PasskeyRefused("another's key")
            token = await rotate(session, before, now=datetime.now(UTC))
    except PasskeyRefused:
        return _refused()
    answer = JSONResponse({"location": local_path(next, "/account")})
    if token is not None:
        remember_user(answer, site, token)
    return answer


async def _owner_of(session: AsyncSession, site: Site, body: bytes, for_whom: str) -> UserAccount:
    passkey = await find_passkey(session, credential_of(body))
    if passkey is None:
        raise PasskeyRefused("nobody's key")
    count = await check_one(site, passkey, body, for_whom)
    user_id = await use_passkey(session, passkey.credential_id, count, now=datetime.now(UTC))
    if user_id is None:
        raise PasskeyRefused("a copy of the key")
    return await session.get_one(UserAccount, user_id)


def _refused() -> Response:
    sentence = _("Cette clé d’accès n’ouvre rien ici. Essayez avec votre mot de passe.")
    return JSONResponse({"sentence": sentence}, 422)
