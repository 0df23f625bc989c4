"""One-time codes and passkeys of a user's account. Each change asks for the password again."""

from datetime import UTC, datetime

import segno
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from markupsafe import Markup
from webauthn.helpers import base64url_to_bytes

from controlplane.models.user_account import UserAccount
from controlplane.restaurants.passkeys import (
    add_passkey,
    find_passkey,
    list_passkeys,
    revoke_passkey,
)
from controlplane.restaurants.people_errors import TooManyPasskeys, TooManyTries
from controlplane.restaurants.users import check_code, forget_codes, offer_codes, offered_codes
from webapp.accounts import words
from webapp.accounts.browsers import browser_name
from webapp.accounts.pages import ACCOUNT, account_page, back_to_account
from webapp.accounts.passkeys import NAME, PasskeyRefused, ask_for_new, read_new
from webapp.accounts.recent import RecentUserHere
from webapp.forms import Form
from webapp.said import remember_said
from webapp.site import Site, SiteHere
from webapp.visitor import SignedIn
from webapp.words import _

router = APIRouter(prefix=ACCOUNT, include_in_schema=False)


@router.get("/codes")
async def codes_page(request: Request, site: SiteHere, user: RecentUserHere) -> Response:
    """Show the secret as a drawing and as text, until a first code proves that it arrived."""
    async with site.sessions.begin() as session:
        account = await session.get_one(UserAccount, user.user_id)
        if account.totp_encrypted is None:
            offer_codes(site.box, account, issuer=NAME)
        uri = offered_codes(site.box, account, issuer=NAME)
    return _codes_page(request, site, user, uri, Form())


@router.post("/codes")
async def confirm_codes(request: Request, site: SiteHere, user: RecentUserHere) -> Response:
    """Take a first code: from now on one is asked for at each sign-in."""
    form = await Form.read(request)
    right, status = False, 422
    async with site.sessions.begin() as session:
        account = await session.get_one(UserAccount, user.user_id)
        uri = offered_codes(site.box, account, issuer=NAME)
        try:
            right = await check_code(
                session, site.box, account, form.text("code"), now=datetime.now(UTC)
            )
        except TooManyTries as error:
            form.fail("code", words.said(error))
            status = 429
    if not right:
        form.fail("code", _(words.WRONG_CODE))
        return _codes_page(request, site, user, uri, form, status=status)
    return back_to_account(
        site, _("Un code vous sera demandé à chaque connexion avec votre mot de passe.")
    )


@router.post("/codes/forget")
async def forget(site: SiteHere, user: RecentUserHere) -> Response:
    """Ask for no code any more."""
    async with site.sessions.begin() as session:
        forget_codes(await session.get_one(UserAccount, user.user_id))
    return back_to_account(site, _("Aucun code ne vous sera plus demandé."))


@router.post("/passkeys/options")
async def passkey_options(site: SiteHere, user: RecentUserHere) -> Response:
    """Ask the browser for a new key; JSON, for `static/passkeys.js`."""
    async with site.sessions() as session:
        kept = await list_passkeys(session, user.user_id)
    others = [each.credential_id for each in kept]
    options = await ask_for_new(site, user.user_id, email=user.email, name=user.name, others=others)
    return Response(options, media_type="application/json")


@router.post("/passkeys")
async def keep_passkey(request: Request, site: SiteHere, user: RecentUserHere) -> Response:
    """Keep the key that the browser made; it is called as the browser is."""
    name = browser_name(request.headers.get("user-agent", "")) or _("Navigateur inconnu")
    try:
        key = await read_new(site, user.user_id, await request.body())
        async with site.sessions.begin() as session:
            if await find_passkey(session, key.credential_id) is not None:
                raise PasskeyRefused("it is somebody's already")  # WebAuthn §7.1, step 27
            await add_passkey(
                session,
                user.user_id,
                credential_id=key.credential_id,
                public_key=key.public_key,
                sign_count=key.sign_count,
                name=name,
            )
    except TooManyPasskeys as error:
        return JSONResponse({"sentence": words.said(error)}, 409)
    except PasskeyRefused:
        sentence = _("Cette clé d’accès n’a pas été enregistrée. Recommencez.")
        return JSONResponse({"sentence": sentence}, 422)
    answer = JSONResponse({"location": ACCOUNT})
    said = _("Votre clé d’accès est enregistrée. Elle remplace mot de passe et code.")
    remember_said(answer, site, said, path=ACCOUNT)
    return answer


@router.post("/passkeys/{credential}/remove")
async def remove_passkey(credential: str, site: SiteHere, user: RecentUserHere) -> Response:
    """Forget a key; the telephone may keep it, and it opens nothing."""
    try:
        credential_id = base64url_to_bytes(credential)
    except ValueError:
        credential_id = b""  # nobody's
    async with site.sessions.begin() as session:
        await revoke_passkey(session, user.user_id, credential_id)
    return back_to_account(site, _("Cette clé d’accès n’ouvre plus votre compte."))


def _codes_page(
    request: Request,
    site: Site,
    user: SignedIn,
    uri: str | None,
    form: Form,
    *,
    status: int = 200,
) -> Response:
    """Without a URI codes are asked for already: the page offers to end that."""
    drawing = secret = ""
    if uri is not None:
        code = segno.make(uri, error="m", micro=False)
        drawing = Markup(code.svg_inline(omitsize=True, svgclass="qr", lineclass=None))
        secret = uri.partition("secret=")[2].partition("&")[0]
    return account_page(
        request,
        site,
        "accounts/codes.html",
        status=status,
        form=form,
        user=user,
        drawing=drawing,
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
    )
