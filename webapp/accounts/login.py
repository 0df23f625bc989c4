"""Signing in with a password, and a one-time code where the user has one; signing out."""

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from controlplane.models.user_account import UserAccount
from controlplane.restaurants.people_errors import TooManyTries
from controlplane.restaurants.user_sessions import revoke
from controlplane.restaurants.users import check_code, check_password
from webapp.accounts import words
from webapp.accounts.arrival import lead, new_session, signed_in
from webapp.accounts.code_step import begin_code_step, end_code_step, who_is_at_code_step
from webapp.accounts.pages import gate_page
from webapp.accounts.passkeys import has_passkeys
from webapp.accounts.tries import LoginTry, count_login, give_back
from webapp.forms import Form
from webapp.site import Site, SiteHere
from webapp.visitor import SESSION_COOKIE, MaybeUser, forget_user, local_path
from webapp.words import _

router = APIRouter(include_in_schema=False)

Next = Annotated[str, Query(max_length=500)]


@router.get("/login")
async def login_page(
    request: Request, site: SiteHere, user: MaybeUser, next: Next = ""
) -> Response:
    """Ask for address and password; whoever is signed in goes on."""
    if user is not None:
        return lead(local_path(next, "/"))
    return _login_page(request, site, Form(), next)


@router.post("/login")
async def log_in(request: Request, site: SiteHere) -> Response:
    """Look at the password; without a one-time code to ask for, the user is in."""
    form = await Form.read(request)
    email, to = form.text("email"), local_path(form.text("next"), "/")
    try:
        tried = await count_login(site, request, email)
        user, token = await _checked(request, site, tried, form)
    except TooManyTries as error:
        form.fail("password", words.too_many(error.until))
        return _login_page(request, site, form, to, status=429)
    if user is None:
        form.fail("password", words.wrong_login(tried.left))
        return _login_page(request, site, form, to, status=422)
    await give_back(site, tried)
    if not token:
        answer = lead("/login/code")
        begin_code_step(answer, site, user.id, to=to)
        return answer
    answer = lead(to)
    signed_in(answer, request, site, user, token)
    return answer


@router.get("/login/code")
async def code_page(request: Request, site: SiteHere) -> Response:
    """Ask for the code that the user's telephone shows."""
    return await _code_page(request, site, Form())


@router.post("/login/code")
async def give_code(request: Request, site: SiteHere) -> Response:
    """Look at the code; a right one ends the sign-in."""
    form = await Form.read(request)
    step = who_is_at_code_step(request, site)
    if step is None:
        return lead("/login")
    user_id, to = step
    try:
        async with site.sessions.begin() as session:
            user = await session.get_one(UserAccount, user_id)
            right = await check_code(
                session, site.box, user, form.text("code"), now=datetime.now(UTC)
            )
            token = await new_session(session, request, site, user) if right else ""
    except TooManyTries as error:
        form.fail("code", words.too_many(error.until))
        return await _code_page(request, site, form, status=429)
    if not token:
        form.fail("code", _(words.WRONG_CODE))
        return await _code_page(request, site, form, status=422)
    answer = lead(to)
    signed_in(answer, request, site, user, token)
    end_code_step(answer, site)
    return answer


@router.post("/logout")
async def log_out(request: Request, site: SiteHere) -> Response:
    """End the session of this browser, and no other."""
    form = await Form.read(request)
    if token := request.cookies.get(site.cookie(SESSION_COOKIE)):
        async with site.sessions.begin() as session:
            await revoke(session, token)
    to = local_path(form.text("next"), "")
    answer = lead(f"/login?next={quote(to)}" if to else "/login")
    forget_user(answer, site)
    return answer


async def _checked(
    request: Request, site: Site, tried: LoginTry, form: Form
) -> tuple[UserAccount | None, str]:
    """The user whose password it is, and a session's token, unless a code is still to be given."""
    async with site.sessions.begin() as session:
        user = await check_password(
            session,
            form.text("email"),
            form.values.get("password", ""),
            now=datetime.now(UTC),
            known=tried.known,
        )
        if user is None or user.totp_confirmed_at is not None:
            return user, ""
        return user, await new_session(session, request, site, user)


def _login_page(
    request: Request, site: Site, form: Form, to: str, *, status: int = 200
) -> HTMLResponse:
    return gate_page(
        request,
        site,
        "accounts/login.html",
        status=status,
        form=form,
        next=local_path(to, ""),
        has_passkeys=has_passkeys(site),
    )


async def _code_page(request: Request, site: Site, form: Form, *, status: int = 200) -> Response:
    step = who_is_at_code_step(request, site)
    if step is None:
        return lead("/login")
    async with site.sessions() as session:
        user = await session.get_one(UserAccount, step[0])
    return gate_page(
        request, site, "accounts/code.html", status=status, form=form, email=user.email
    )
