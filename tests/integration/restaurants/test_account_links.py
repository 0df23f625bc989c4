"""Links that open an account work once, for whom they are, and are in the clear nowhere."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from controlplane.contracts.account_links import invitation_link, reset_link
from controlplane.database import async_sessions
from controlplane.models.audit_entry import AuditEntry
from controlplane.models.membership import Role
from controlplane.models.notification import Notification
from controlplane.models.user_account import UserAccount
from controlplane.notifier.providers import Outgoing
from controlplane.notifier.wording import Links, word
from controlplane.restaurants import invitation_links, new_owner, password_reset, team, users
from controlplane.restaurants.link_notices import LinkNotice, tell_link
from controlplane.restaurants.notify import NotificationKind
from controlplane.restaurants.people_errors import (
    AlreadyMember,
    InvitationOver,
    NotAMember,
    ResetOver,
    UnknownUser,
)
from controlplane.restaurants.user_sessions import find_session, sign_in
from tests.accounts import SECRETS
from tests.integration.kitchen_orders import add_restaurant

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC)
SITE = "https://alloresto.example"
PASSWORD = "correct horse battery"


@pytest.fixture
async def session(database: AsyncEngine) -> AsyncIterator[AsyncSession]:
    async with async_sessions(database)() as session:
        yield session


async def mailed(session: AsyncSession) -> list[Outgoing]:
    """What the notifier would send, and that nobody reads it where it waits."""
    rows = (await session.scalars(select(Notification).order_by(Notification.id))).all()
    links = Links(public_url=SITE, secret="s" * 16)
    sent = [await word(session, row, links, secrets=SECRETS, now=NOW) for row in rows]
    for row in rows:
        assert "https://" not in row.body
    return [mail for mail in sent if mail is not None]


async def test_the_first_owner_sets_a_password_by_a_link_and_invites_by_mail(
    session: AsyncSession,
) -> None:
    luigi = await add_restaurant(session, name="Chez Luigi")
    asked = {"email": "Lea@example.fr", "name": "Léa", "actor": "admin", "now": NOW}
    token = await new_owner.appoint_owner(session, luigi, **asked)  # type: ignore[arg-type]
    assert token is not None
    assert await new_owner.appoint_owner(session, luigi, **asked) is None  # type: ignore[arg-type]
    lea = await password_reset.use_reset(session, token, PASSWORD, now=NOW)
    assert await users.check_password(session, "lea@example.fr", PASSWORD, now=NOW) is lea
    assert await team.restaurants_of(session, lea.id) == {luigi: Role.OWNER}
    with pytest.raises(ResetOver):
        await password_reset.use_reset(session, token, PASSWORD, now=NOW)

    async def invite(email: str) -> None:
        await invitation_links.mail_invitation(
            session, SECRETS, luigi, email, Role.MANAGER,
            invited_by=lea, link=lambda token: invitation_link(SITE, token), now=NOW,
        )  # fmt: skip

    with pytest.raises(AlreadyMember):
        await invite(lea.email)
    lea.language = "en"
    await invite("tom@example.fr")
    (mail,) = await mailed(session)
    assert (mail.to, mail.subject) == ("tom@example.fr", "AlloResto: Léa invites you to Chez Luigi")
    link = next(line for line in mail.text.splitlines() if line.startswith(SITE))
    assert f'href="{link}"' in mail.html
    opened = link.removeprefix(f"{SITE}/invitation/")
    tom = await invitation_links.join_as_new(
        session, luigi, opened, name="Tom", password=PASSWORD, now=NOW
    )
    assert (tom.email, await team.restaurants_of(session, tom.id)) == (
        "tom@example.fr",
        {luigi: Role.MANAGER},
    )
    with pytest.raises(InvitationOver):
        await invitation_links.find_invitation(session, luigi, opened, now=NOW)
    with pytest.raises(NotAMember):
        await team.hand_over(session, await add_restaurant(session), tom.id, actor="user:x")
    await team.hand_over(session, luigi, tom.id, actor=f"user:{lea.id}")
    assert await team.restaurants_of(session, tom.id) == {luigi: Role.OWNER}
    told = (await session.execute(select(AuditEntry.action, AuditEntry.diff))).all()
    assert all("example.fr" not in str(diff) for _, diff in told)


async def test_an_invitation_sent_again_replaces_the_first(session: AsyncSession) -> None:
    luigi = await add_restaurant(session, name="Chez Luigi")
    lea = await users.create_user(session, email="lea@example.fr", name="Léa", password=PASSWORD)
    sent = {"invited_by": lea, "link": lambda token: invitation_link(SITE, token)}
    first = await team.invite(
        session, luigi, "tom@example.fr", Role.STAFF, invited_by=lea.id, now=NOW
    )
    (waiting,) = await team.list_invitations(session, luigi, now=NOW)
    late = NOW + timedelta(days=8)
    to = await invitation_links.mail_again(session, SECRETS, luigi, waiting.id, now=late, **sent)  # type: ignore[arg-type]
    assert to == "tom@example.fr"
    with pytest.raises(InvitationOver):
        await invitation_links.find_invitation(session, luigi, first, now=NOW)
    with pytest.raises(InvitationOver):  # it was replaced
        await invitation_links.mail_again(session, SECRETS, luigi, waiting.id, now=late, **sent)  # type: ignore[arg-type]
    (mail,) = await mailed(session)
    assert "comme membre de l’équipe" in mail.text


async def test_a_reset_works_once_within_the_hour_and_signs_everybody_out(
    session: AsyncSession,
) -> None:
    luigi = await add_restaurant(session, name="Chez Luigi")
    lea = await users.create_user(session, email="lea@example.fr", name="Léa", password=PASSWORD)
    cookie = await sign_in(session, lea.id, now=NOW)
    _, first = await password_reset.offer_reset(session, lea, now=NOW)
    row, token = await password_reset.offer_reset(session, lea, now=NOW)
    assert token not in (row.token_hash, str(row.id))
    notice = LinkNotice(language="fr", link=reset_link(SITE, token))
    kind = NotificationKind.PASSWORD_RESET
    await tell_link(session, SECRETS, luigi, kind, to=lea.email, notice=notice)
    (mail,) = await mailed(session)
    assert mail.subject == "AlloResto : Votre nouveau mot de passe"
    assert "Chez Luigi" not in mail.text
    hour = NOW + password_reset.MAILED_FOR
    for wrong, at in ((first, NOW), (token, hour), ("nonsense", NOW)):
        with pytest.raises(ResetOver):
            await password_reset.use_reset(session, wrong, PASSWORD, now=at)
    assert await find_session(session, cookie, now=NOW)
    lea.failed_tries, lea.locked_until = 3, hour
    await password_reset.use_reset(session, token, "another long password", now=NOW)
    assert lea.failed_tries == 0
    assert lea.locked_until is None
    assert await find_session(session, cookie, now=NOW) is None
    with pytest.raises(UnknownUser):
        await new_owner.hand_out_link(session, "tom@example.fr", without_codes=False, now=NOW)


async def test_an_admin_helps_who_lost_the_telephone(session: AsyncSession) -> None:
    lea: UserAccount = await users.create_user(
        session, email="lea@example.fr", name="Léa", password=PASSWORD
    )
    users.offer_codes(SECRETS, lea, issuer="AlloResto")
    for without, asked in ((False, False), (True, True)):
        await new_owner.hand_out_link(session, lea.email, without_codes=without, now=NOW)
        assert (lea.totp_encrypted is None) is asked
