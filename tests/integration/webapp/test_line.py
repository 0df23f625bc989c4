"""An owner gives the line its account: sealed at once, never shown again, asked for with a fresh
password; the page says in plain words how the line stands.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import ProgrammingError

from controlplane.models.audit_entry import AuditEntry
from controlplane.models.sip_registration import SipRegistration
from controlplane.models.user_session import UserSession
from tests.accounts import SECRETS, add_carrier
from tests.integration.webapp.pages.line import refused_line
from tests.integration.webapp.site_under_test import SiteUnderTest
from tests.integration.webapp.test_hours import hidden

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

LINE, ACCOUNT = "/config/line", "/config/line/account"
SECRET = "tres-secret-1234"


async def save(site: SiteUnderTest, **typed: str) -> Any:
    return await site.by("owner").post(site.path(ACCOUNT), data=typed)


async def row(site: SiteUnderTest) -> SipRegistration:
    async with site.sessions() as session:
        found = await session.scalars(
            select(SipRegistration).where(SipRegistration.restaurant_id == site.restaurant)
        )
        return found.one()


async def test_an_account_is_sealed_and_never_shown_again(site: SiteUnderTest) -> None:
    async with site.engine.begin() as connection:
        await connection.run_sync(lambda sync: add_carrier(sync, "ovh"))
    typed = {"seen": "0", "carrier": "ovh", "username": "0033199001234@sip.ovh.fr"}
    assert "mot de passe du compte" in (missing := await save(site, **typed)).text
    assert missing.status_code == 422
    for wrong in ({"password": "a:b"}, {"username": "x<y", "password": SECRET}):
        refused = await save(site, **(typed | wrong))
        assert refused.status_code == 422
        assert SECRET not in refused.text
        assert "a:b" not in refused.text
    assert (await save(site, **typed, password=SECRET)).status_code == 303
    kept = await row(site)
    assert SECRETS.open(kept.password_encrypted, owner=site.restaurant) == SECRET
    assert (kept.username, kept.domain) == ("0033199001234", "sip.ovh.fr")
    pages = [await site.by("owner").get(site.path(path)) for path in (LINE, ACCOUNT)]
    for page in pages:
        assert page.status_code == 200
        assert SECRET not in page.text
        assert kept.password_encrypted not in page.text
    assert "*21*0199001234#" in pages[0].text
    shown = hidden(pages[1].text) | {"carrier": "ovh", "username": "other"}
    assert (await save(site, **shown)).status_code == 303
    assert (await row(site)).password_encrypted == kept.password_encrypted
    stale = await save(site, **shown, password="mine")
    assert (stale.status_code, "retapez" in stale.text) == (409, True)
    async with site.sessions() as session:
        entries = await session.scalars(
            select(AuditEntry).where(AuditEntry.action == "set_account")
        )
    told = [(entry.actor, str(entry.diff)) for entry in entries]
    assert {actor for actor, _ in told} == {f"user:{site.users['owner']}"}
    assert not any(SECRET in diff or kept.password_encrypted in diff for _, diff in told)


async def test_the_site_cannot_read_a_password(site: SiteUnderTest) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with site.session() as session:
            await session.execute(text("SELECT password_encrypted FROM sip_registration"))


async def test_a_refused_line_says_what_to_compare(site: SiteUnderTest) -> None:
    await refused_line(site)
    page = (await site.by("manager").get(site.path(LINE))).text
    assert "a refusé le compte 3\u00a0fois (403)" in page
    assert "Comparez l’identifiant" in page
    assert "Modifier le compte" not in page, "the owner's alone"


async def test_an_old_password_is_asked_for_again(site: SiteUnderTest) -> None:
    async with site.sessions.begin() as session:
        old = datetime.now(UTC) - timedelta(hours=1)
        owners = UserSession.user_id == site.users["owner"]
        await session.execute(update(UserSession).where(owners).values(confirmed_at=old))
    answer = await site.by("owner").get(site.path(ACCOUNT))
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/account/confirm?next=")
    assert (await save(site, seen="0", carrier="ovh", username="x")).status_code == 303
    assert (await row(site)).username != "x"
