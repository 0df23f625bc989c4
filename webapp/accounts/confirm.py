"""The password once more, before what costs money or lets somebody in."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from controlplane.restaurants.people_errors import TooManyTries
from controlplane.restaurants.try_limits import CONFIRM, TryLimits
from controlplane.restaurants.user_sessions import rotate
from controlplane.restaurants.users import check_password
from webapp.accounts import words
from webapp.accounts.arrival import lead
from webapp.accounts.pages import ACCOUNT, gate_page
from webapp.accounts.passkeys import has_passkeys
from webapp.forms import Form
from webapp.site import Site, SiteHere
from webapp.visitor import SESSION_COOKIE, SignedIn, UserHere, local_path, remember_user
from webapp.words import _

router = APIRouter(prefix="/account/confirm", include_in_schema=False)


@router.get("")
async def confirm_page(
    request: Request, site: SiteHere, user: UserHere, next: str = ""
) -> Response:
    """Ask for it, and say why."""
    return _page(request, site, user, Form(), next)


@router.post("")
async def confirm(request: Request, site: SiteHere, user: UserHere) -> Response:
    """Take the password: the session goes on under another token."""
    form = await Form.read(request)
    to = local_path(form.text("next"), ACCOUNT)
    limits, now = TryLimits(site.redis), datetime.now(UTC)
    try:
        await limits.take(CONFIRM, str(user.user_id))
    except TooManyTries as error:
        form.fail("password", words.said(error))
        return _page(request, site, user, form, to, status=429)
    before = request.cookies.get(site.cookie(SESSION_COOKIE), "")
    async with site.sessions.begin() as session:
        password = form.values.get("password", "")
        right = await check_password(session, user.email, password, now=now, known=True)
        token = await rotate(session, before, now=now) if right else None
    if token is None:
        form.fail("password", _(words.WRONG_PASSWORD))
        return _page(request, site, user, form, to, status=422)
    await limits.give_back(CONFIRM, str(user.user_id))
    answer = lead(to)
    remember_user(answer, site, token)
    return answer


def _page(
    request: Request, site: Site, user: SignedIn, form: Form, to: str, *, status: int = 200
) -> Response:
    return gate_page(
        request,
        site,
        "accounts/confirm.html",
        status=status,
        form=form,
        user=user,
        next=local_path(to, ACCOUNT),
        has_passkeys=has_passkeys(site),
    )
