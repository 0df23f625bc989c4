"""A forgotten password: a link by e-mail, and the page it opens. What is answered never tells who
has an account.
"""

from datetime import UTC, datetime

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.background import BackgroundTask

from controlplane.contracts.account_links import RESET_PATH, reset_link
from controlplane.restaurants.link_notices import LinkNotice, tell_link
from controlplane.restaurants.notify import NotificationKind
from controlplane.restaurants.password_reset import find_reset, offer_reset, use_reset
from controlplane.restaurants.people_errors import NotAnEmail, ResetOver, TooManyTries, WeakPassword
from controlplane.restaurants.team import restaurants_of
from controlplane.restaurants.try_limits import RESET, RESET_NETWORK, TryLimits
from controlplane.restaurants.users import find_user_by_email, read_email
from controlplane.tenancy import restaurant_session
from webapp.accounts import words
from webapp.accounts.arrival import lead, new_session, signed_in
from webapp.accounts.code_step import begin_code_step
from webapp.accounts.pages import gate_page, over_page
from webapp.accounts.tries import network_of
from webapp.forms import Form
from webapp.site import Site, SiteHere

router = APIRouter(include_in_schema=False)

_logger = structlog.get_logger()


@router.get("/reset")
async def ask_page(request: Request, site: SiteHere) -> Response:
    """Ask for the address."""
    return gate_page(request, site, "accounts/reset_asked.html", form=Form(), sent=False)


@router.post("/reset")
async def ask(request: Request, site: SiteHere) -> Response:
    """Answer the same, and as soon, whoever asks for whom; the e-mail is written afterwards."""
    form = await Form.read(request)
    page = "accounts/reset_asked.html"
    try:
        email = read_email(form.text("email"))
        limits = TryLimits(site.redis)
        await limits.take(RESET_NETWORK, network_of(request))
        await limits.take(RESET, email)
    except (NotAnEmail, TooManyTries) as error:
        form.fail("email", words.said(error))
        status = 429 if isinstance(error, TooManyTries) else 422
        return gate_page(request, site, page, status=status, form=form, sent=False)
    answer = gate_page(request, site, page, form=form, sent=True)
    answer.background = BackgroundTask(_mail, site, email)
    return answer


@router.get(f"{RESET_PATH}{{token}}")
async def reset_page(request: Request, site: SiteHere, token: str) -> Response:
    """Ask for a new password, if the link still sets one."""
    try:
        async with site.sessions() as session:
            user = await find_reset(session, token, now=datetime.now(UTC))
    except ResetOver as error:
        return over_page(request, site, error)
    return gate_page(request, site, "accounts/reset.html", form=Form(), email=user.email)


@router.post(f"{RESET_PATH}{{token}}")
async def reset(request: Request, site: SiteHere, token: str) -> Response:
    """Set it, end every session, and sign in here; whoever has one-time codes gives one first."""
    form = await Form.read(request)
    now = datetime.now(UTC)
    try:
        async with site.sessions.begin() as session:
            user = await use_reset(session, token, form.values.get("password", ""), now=now)
            with_code = user.totp_confirmed_at is not None
            session_token = "" if with_code else await new_session(session, request, site, user)
    except ResetOver as error:
        return over_page(request, site, error)
    except WeakPassword as error:
        async with site.sessions() as session:
            user = await find_reset(session, token, now=now)
        form.fail("password", words.said(error))
        return gate_page(
            request, site, "accounts/reset.html", status=422, form=form, email=user.email
        )
    answer = lead("/login/code" if with_code else "/")
    if with_code:
        begin_code_step(answer, site, user.id, to="/")
    else:
        signed_in(answer, request, site, user, session_token)
    return answer


async def _mail(site: Site, email: str) -> None:
    """Nobody waits for the e-mail's row any more: that it failed is told to the log alone."""
    try:
        await _write_mail(site, email)
    except Exception:  # the edge of a task after its answer
        _logger.exception("reset_not_mailed")


async def _write_mail(site: Site, email: str) -> None:
    """Write the e-mail, in the name of a restaurant the user works for; who works for none has no
    use for a password.
    """
    async with site.sessions() as session:
        user = await find_user_by_email(session, email)
        places = await restaurants_of(session, user.id) if user else {}
    if user is None or not places:
        return
    restaurant_id = min(places)
    async with restaurant_session(site.sessions, restaurant_id) as session, session.begin():
        _, token = await offer_reset(session, user, now=datetime.now(UTC))
        link = reset_link(site.settings.public_url, token)
        notice = LinkNotice(language="en" if user.language == "en" else "fr", link=link)
        kind = NotificationKind.PASSWORD_RESET
        await tell_link(session, site.box, restaurant_id, kind, to=user.email, notice=notice)
