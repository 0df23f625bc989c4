"""A user's own account: name, language, password, where they are signed in."""

from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from webauthn.helpers import bytes_to_base64url

from controlplane.models.user_account import UserAccount
from controlplane.restaurants.passkeys import list_passkeys
from controlplane.restaurants.people_errors import TooManyTries, WeakPassword
from controlplane.restaurants.try_limits import CONFIRM, TryLimits
from controlplane.restaurants.user_sessions import list_sessions, revoke_one, revoke_others
from controlplane.restaurants.users import change_password, check_password
from webapp.accounts import words
from webapp.accounts.arrival import new_session, signed_in, speak
from webapp.accounts.pages import account_page, back_to_account
from webapp.accounts.passkeys import has_passkeys
from webapp.forms import Form
from webapp.site import PARIS, Site, SiteHere
from webapp.visitor import SignedIn, UserHere
from webapp.words import LANGUAGES, _

router = APIRouter(prefix="/account", include_in_schema=False)


@router.get("")
async def account(request: Request, site: SiteHere, user: UserHere) -> Response:
    """Show everything about the account."""
    return await _page(request, site, user, Form())


@router.post("/name")
async def rename(request: Request, site: SiteHere, user: UserHere) -> Response:
    """Change the name that the team sees, and the language of pages and e-mails."""
    form = await Form.read(request)
    name, chosen = form.text("name")[: words.MOST_NAME], form.text("language")
    if not name:
        form.fail("name", _(words.NO_NAME))
        return await _page(request, site, user, form, status=422)
    async with site.sessions.begin() as session:
        account = await session.get_one(UserAccount, user.user_id)
        account.name = name
        account.language = chosen if chosen in LANGUAGES else account.language
        language = account.language
    answer = back_to_account(site, _("Vos informations sont enregistrées."))
    speak(answer, site, language)
    return answer


@router.post("/password")
async def new_password(request: Request, site: SiteHere, user: UserHere) -> Response:
    """Change the password: this browser stays signed in, all others do not."""
    form = await Form.read(request)
    limits, now = TryLimits(site.redis), datetime.now(UTC)
    try:
        await limits.take(CONFIRM, str(user.user_id))
        async with site.sessions.begin() as session:
            current = form.values.get("current", "")
            account = await check_password(session, user.email, current, now=now, known=True)
            if account is not None:
                await change_password(session, account, form.values.get("password", ""))
                token = await new_session(session, request, site, account)
    except (TooManyTries, WeakPassword) as error:
        field = "password" if isinstance(error, WeakPassword) else "current"
        form.fail(field, words.said(error))
        return await _page(request, site, user, form, status=422)
    if account is None:
        form.fail("current", _(words.WRONG_PASSWORD))
        return await _page(request, site, user, form, status=422)
    await limits.give_back(CONFIRM, str(user.user_id))
    answer = back_to_account(
        site, _("Votre mot de passe est changé. Vos autres appareils sont déconnectés.")
    )
    signed_in(answer, request, site, account, token)
    return answer


@router.post("/sessions/others/revoke")
async def revoke_all_others(site: SiteHere, user: UserHere) -> Response:
    """Sign the user out everywhere but here."""
    async with site.sessions.begin() as session:
        await revoke_others(session, user.user_id, user.session_id)
    return back_to_account(site, _("Vos autres appareils sont déconnectés."))


@router.post("/sessions/{session_id}/revoke")
async def revoke_session(session_id: UUID, site: SiteHere, user: UserHere) -> Response:
    """Sign the user out of one browser."""
    async with site.sessions.begin() as session:
        await revoke_one(session, user.user_id, session_id)
    return back_to_account(site, _("Cet appareil est déconnecté."))


async def _page(
    request: Request, site: Site, user: SignedIn, form: Form, *, status: int = 200
) -> Response:
    now = datetime.now(UTC)
    async with site.sessions() as session:
        account = await session.get_one(UserAccount, user.user_id)
        sessions = await list_sessions(session, user.user_id, now=now)
        passkeys = await list_passkeys(session, user.user_id)
    return account_page(
        request,
        site,
        "accounts/account.html",
        status=status,
        form=form,
        user=user,
        account=account,
        sessions=sessions,
        passkeys=passkeys,
        has_passkeys=has_passkeys(site),
        now=now.astimezone(PARIS),
        credential=bytes_to_base64url,
    )
