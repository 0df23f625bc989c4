"""People sign in, prove it again, are invited and reset their password; strangers get nowhere,
learn nothing of who has an account, and lock nobody out.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pyotp
import pytest
from argon2 import PasswordHasher
from sqlalchemy import update

from controlplane.contracts.identifiers import new_id
from controlplane.models.membership import Membership, Role
from controlplane.models.user_account import UserAccount
from controlplane.models.user_session import UserSession
from controlplane.redis_clients import asyncio_redis
from controlplane.restaurants.team import invite
from controlplane.restaurants.try_limits import LOGIN
from tests.integration.webapp.mailed import newest_link
from tests.integration.webapp.site_under_test import (
    ORIGIN,
    PASSWORD,
    SiteUnderTest,
)
from tests.integration.webapp.soft_passkey import SoftPasskey

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"
OTHER_PASSWORD = "une phrase assez longue"
CHEAP_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
"""Fifty sign-ins by the parameters of users would take seconds of a core."""
JSON = {"accept": "application/json"}


@asynccontextmanager
async def browser(site: SiteUnderTest, network: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser without a cookie, behind this address: limits of others' tests don't count."""
    client = httpx2.AsyncClient(
        transport=httpx2.ASGITransport(site.app, client=(network, 1)),
        base_url=ORIGIN,
        headers={"accept": "text/html", "sec-fetch-site": "same-origin", "user-agent": FIREFOX},
    )
    async with client:
        yield client


async def a_user(site: SiteUnderTest, **values: Any) -> UserAccount:
    """A member of the team with PASSWORD."""
    async with site.sessions.begin() as session:
        user = UserAccount(
            id=new_id(),
            email=f"{new_id().hex}@example.fr",
            name="Inès Moreau",
            password_hash=CHEAP_HASH,
            **values,
        )
        session.add(user)
        await session.flush()
        role = Role.STAFF
        session.add(Membership(restaurant_id=site.restaurant, user_id=user.id, role=role))
    return user


async def log_in(client: httpx2.AsyncClient, email: str, password: str = PASSWORD) -> Any:
    form = {"email": email, "password": password, "next": "/account"}
    return await client.post("/login", data=form)


async def test_who_signs_in_has_a_session_that_they_see_and_end(site: SiteUnderTest) -> None:
    user = await a_user(site, language="en")
    async with browser(site, "198.51.100.1") as client, browser(site, "198.51.100.2") as telephone:
        await log_in(telephone, user.email)
        answer = await log_in(client, f" {user.email.upper()} ")
        assert (answer.status_code, answer.headers["location"]) == (303, "/account")
        cookie = next(c for c in answer.headers.get_list("set-cookie") if c[:8] == "session=")
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        page = (await client.get("/account")).text
        assert '<html lang="en">' in page
        assert page.count("Firefox · Windows") >= 2
        other = re.search(r"/account/sessions/([0-9a-f-]{36})/revoke", page)
        assert other is not None
        await client.post(other[0])
        assert (await telephone.get("/account")).headers["location"].startswith("/login?next=")
        landed = await client.get("/")
        assert landed.headers["location"] == site.path()
        tablet = {
            "user-agent": "Mozilla/5.0 (Linux; Android 15; SM-X210) Chrome/140.0 Safari/537.36"
        }
        landed = await client.get("/", headers=tablet)
        assert landed.headers["location"] == site.path("/kitchen")
        landed = await site.by("platform").get("/")
        assert landed.headers["location"] == "/plateforme/ponts"
        token = client.cookies["session"]
        await client.post("/logout")
        client.cookies.set("session", token)
        assert (await client.get("/account")).status_code == 303


async def test_a_stranger_locks_nobody_out_who_knows_the_password(site: SiteUnderTest) -> None:
    user = await a_user(site)
    async with browser(site, "198.51.100.11") as home, browser(site, "198.51.100.12") as stranger:
        assert (await log_in(home, user.email)).status_code == 303
        tries = [await log_in(stranger, user.email, "wrong") for _ in range(LOGIN.most + 1)]
        assert [answer.status_code for answer in tries] == [422] * LOGIN.most + [429]
        assert "Encore 4" in tries[0].text
        assert (await log_in(stranger, user.email)).status_code == 429  # even with the right one
        async with browser(site, "198.51.100.13") as new_telephone:
            assert (await log_in(new_telephone, user.email)).status_code == 303
        await lock(site, user)  # as many strangers at once would
        async with browser(site, "198.51.100.14") as another:
            assert (await log_in(another, user.email)).status_code == 429
        assert (await log_in(home, user.email)).status_code == 303
        nobody = await log_in(stranger, "nobody@example.fr", "wrong")
        assert "Adresse ou mot de passe incorrect" in nobody.text
        foreign = await home.post("/login", headers={"sec-fetch-site": "cross-site"})
        assert foreign.status_code == 403


async def test_without_redis_who_has_the_password_gets_in_and_nothing_goes_uncounted(
    site: SiteUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await a_user(site)
    away = asyncio_redis("redis://127.0.0.1:1", connect_timeout_s=0.2, timeout_s=0.2)
    monkeypatch.setattr(site.site, "redis", away)
    async with browser(site, "198.51.100.15") as client:
        assert (await log_in(client, user.email, "wrong")).status_code == 422
        assert (await log_in(client, user.email)).status_code == 303
        for path in ("/reset", "/pair", "/account/confirm", "/login/passkey/options"):
            answer = await client.post(path, data={"email": user.email, "code": "1"})
            assert answer.status_code == 503, path
    await away.aclose()


async def lock(site: SiteUnderTest, user: UserAccount) -> None:
    until = datetime.now(UTC) + timedelta(minutes=15)
    async with site.sessions.begin() as session:
        await session.execute(
            update(UserAccount).where(UserAccount.id == user.id).values(locked_until=until)
        )


async def test_a_code_is_asked_for_once_the_telephone_has_proved_it(site: SiteUnderTest) -> None:
    user = await a_user(site)
    async with browser(site, "198.51.100.21") as client:
        await log_in(client, user.email)
        page = (await client.get("/account/codes")).text
        assert '<svg viewBox="0 0' in page
        found = re.search(r'class="mono wraps">([A-Z2-7 ]+)<', page)
        assert found is not None
        codes = pyotp.TOTP(found[1].replace(" ", ""))
        refused = await client.post("/account/codes", data={"code": "000000"})
        assert refused.status_code == 422
        assert found[1] in refused.text  # the same secret: the telephone has it already
        now = datetime.now(UTC)
        await client.post("/account/codes", data={"code": codes.at(now - timedelta(seconds=30))})
        assert "<svg viewBox" not in (await client.get("/account/codes")).text
    async with browser(site, "198.51.100.22") as client:
        assert (await log_in(client, user.email)).headers["location"] == "/login/code"
        assert (await client.get("/account")).status_code == 303
        assert user.email in (await client.get("/login/code")).text
        wrong = await client.post("/login/code", data={"code": "000000"})
        assert wrong.status_code == 422
        right = await client.post("/login/code", data={"code": codes.now()})
        assert right.headers["location"] == "/account"
        assert (await client.get("/account")).status_code == 200
        await client.post("/account/codes/forget")
    async with browser(site, "198.51.100.23") as client:
        assert (await log_in(client, user.email)).headers["location"] == "/account"


async def test_what_lets_others_in_asks_for_the_password_again(site: SiteUnderTest) -> None:
    user = await a_user(site)
    async with browser(site, "198.51.100.31") as client:
        await log_in(client, user.email)
        before = client.cookies["session"]
        await forget_proof(site, user)
        asked = await client.get("/account/codes")
        assert asked.headers["location"] == "/account/confirm?next=/account/codes"
        wrong = {"password": "wrong", "next": "/account/codes"}
        assert (await client.post("/account/confirm", data=wrong)).status_code == 422
        right = {"password": PASSWORD, "next": "//evil.example/"}
        confirmed = await client.post("/account/confirm", data=right)
        assert confirmed.headers["location"] == "/account"
        assert client.cookies["session"] != before
        assert (await client.get("/account/codes")).status_code == 200
        short = {"current": PASSWORD, "password": "short"}
        assert (await client.post("/account/password", data=short)).status_code == 422
        await client.post("/account/password", data={**short, "password": OTHER_PASSWORD})
        assert "Votre mot de passe est changé" in (await client.get("/account")).text
        async with browser(site, "198.51.100.32") as elsewhere:
            assert (await log_in(elsewhere, user.email)).status_code == 422
            assert (await log_in(elsewhere, user.email, OTHER_PASSWORD)).status_code == 303


async def forget_proof(site: SiteUnderTest, user: UserAccount) -> None:
    async with site.sessions.begin() as session:
        await session.execute(
            update(UserSession).where(UserSession.user_id == user.id).values(confirmed_at=None)
        )


async def test_a_passkey_signs_in_and_confirms_and_no_answer_is_taken_twice(
    site: SiteUnderTest,
) -> None:
    user = await a_user(site)
    key = SoftPasskey(origin=ORIGIN, rp_id="site.test")
    async with browser(site, "198.51.100.41") as client:
        await log_in(client, user.email)
        options = (await client.post("/account/passkeys/options", headers=JSON)).json()
        made = key.made(options)
        assert (await client.post("/account/passkeys", json=made)).json() == {
            "location": "/account"
        }
        assert (await client.post("/account/passkeys", json=made)).status_code == 422
        options = (await client.post("/account/passkeys/options", headers=JSON)).json()
        again = await client.post("/account/passkeys", json=key.made(options))
        assert again.status_code == 422, "a key is kept once, for one user"
        page = (await client.get("/account")).text
        assert "Votre clé d’accès est enregistrée" in page
        await forget_proof(site, user)
        refused = await client.post("/account/passkeys/options", headers=JSON)
        assert refused.status_code == 401
        login = (await client.post("/login/passkey/options")).json()
        other_purpose = await client.post("/account/confirm/passkey", json=key.signed(login))
        assert other_purpose.status_code == 422
        options = (await client.post("/account/confirm/passkey/options")).json()
        confirmed = await client.post("/account/confirm/passkey", json=key.signed(options))
        assert confirmed.json() == {"location": "/account"}
        assert (await client.get("/account/codes")).status_code == 200
    async with browser(site, "198.51.100.42") as client:
        answer = key.signed((await client.post("/login/passkey/options")).json())
        signed_in = await client.post("/login/passkey?next=/places", json=answer)
        assert signed_in.json() == {"location": "/places"}
        assert (await client.get("/account")).status_code == 200
        remove = re.search(r"/account/passkeys/[\w-]+/remove", (await client.get("/account")).text)
        assert remove is not None
        assert (await client.post("/login/passkey", json=answer)).status_code == 422
        for garbage in (b"", b"[]", b"{" * 9_000, b'{"rawId": 3}', b"x" * 30_000):
            assert (await client.post("/login/passkey", content=garbage)).status_code == 422
        phished = SoftPasskey(origin="https://evil.example", rp_id="site.test")
        phished.credential_id, phished._key, phished.count = key.credential_id, key._key, 90
        options = (await client.post("/login/passkey/options")).json()
        foreign = await client.post("/login/passkey", json=phished.signed(options))
        assert foreign.status_code == 422
        await client.post(remove[0])
        options = (await client.post("/login/passkey/options")).json()
        gone = await client.post("/login/passkey", json=key.signed(options))
        assert (gone.status_code, "mot de passe" in gone.json()["sentence"]) == (422, True)


async def test_a_forgotten_password_is_set_by_mail_and_nobody_learns_who_has_an_account(
    site: SiteUnderTest,
) -> None:
    user = await a_user(site)
    async with browser(site, "198.51.100.51") as client:
        answers = [
            (await client.post("/reset", data={"email": email})).text.replace(email, "")
            for email in (user.email, "nobody.at.all@example.fr")
        ]
        assert answers[0] == answers[1]
        path = await newest_link(site, user.email)
        assert user.email in (await client.get(path)).text
        short = await client.post(path, data={"password": "short"})
        assert short.status_code == 422
        await lock(site, user)
        done = await client.post(path, data={"password": OTHER_PASSWORD})
        assert done.headers["location"] == "/"
        assert (await client.get("/account")).status_code == 200
        over = await client.get(path)
        assert (over.status_code, "Ce lien ne sert plus" in over.text) == (404, True)
        for _ in range(2):
            await client.post("/reset", data={"email": user.email})
        many = await client.post("/reset", data={"email": user.email})
        assert many.status_code == 429


async def test_an_invitation_makes_an_account_or_takes_the_one_there_is(
    site: SiteUnderTest,
) -> None:
    known = await a_user(site)
    async with site.sessions.begin() as session:
        by = {"invited_by": site.users["owner"], "now": datetime.now(UTC)}
        new = f"{new_id().hex}@example.fr"
        token = await invite(session, site.restaurant, new, Role.MANAGER, **by)  # type: ignore[arg-type]
        theirs = await invite(session, site.other, known.email, Role.STAFF, **by)  # type: ignore[arg-type]
    async with browser(site, "198.51.100.61") as client:
        page = (await client.get(f"/invitation/{token}")).text
        assert "Owner Esposito vous y invite comme responsable" in page
        form = {"name": " ", "password": PASSWORD}
        assert (await client.post(f"/invitation/{token}", data=form)).status_code == 422
        form["name"] = "Paul"
        joined = await client.post(f"/invitation/{token}", data=form)
        assert joined.headers["location"] == site.path()
        assert (await client.get("/account")).status_code == 200
        assert (await client.get(f"/invitation/{token}")).status_code == 404
        other = (await client.get(f"/invitation/{theirs}")).text
        assert "l’invitation est pour quelqu’un d’autre" in other
        assert (await client.post(f"/invitation/{theirs}")).status_code == 404
    async with browser(site, "198.51.100.62") as client:
        assert "Se connecter pour accepter" in (await client.get(f"/invitation/{theirs}")).text
        await log_in(client, known.email)
        joined = await client.post(f"/invitation/{theirs}")
        assert joined.headers["location"] == f"/place/{site.other}"
        places = (await client.get("/places")).text
        assert "Le Voisin" in places
        assert "Pizzeria Bella Napoli" in places
        assert (await client.get("/")).headers["location"] == "/places"
