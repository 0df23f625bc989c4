"""Users sign in within bounds; tokens and codes work once, end, and are nowhere in clear."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pyotp
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.database import async_sessions, libpq_url
from controlplane.database_roles import DatabaseRole
from controlplane.errors import ServiceUnavailable
from controlplane.migrations import schema
from controlplane.models.audit_entry import AuditEntry
from controlplane.models.device import Device
from controlplane.models.invitation import Invitation
from controlplane.models.membership import Membership, Role
from controlplane.models.user_account import UserAccount
from controlplane.models.user_session import UserSession
from controlplane.restaurants import devices, passkeys, team, user_sessions, users
from controlplane.restaurants.audit import audit
from controlplane.restaurants.organisations import (
    change_head,
    found_organisation,
    join_organisation,
    leave_organisation,
)
from controlplane.restaurants.people_errors import (
    AlreadyMember,
    EmailTaken,
    InvitationOver,
    NotAMember,
    NotAnEmail,
    OwnerStays,
    TooManyInvitations,
    TooManyTries,
    UnknownDevice,
    WeakPassword,
)
from controlplane.restaurants.tokens import restaurant_of
from controlplane.secret_box import SecretBox
from tests.accounts import SECRETS
from tests.integration.kitchen_orders import add_restaurant

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
ACTOR = "user:somebody"
PASSWORD = "correct horse battery"
OTHER_SECRETS = SecretBox.from_keys(SecretBox.new_key())


@pytest.fixture
async def session(database: AsyncEngine) -> AsyncIterator[AsyncSession]:
    async with async_sessions(database)() as session:
        yield session


@pytest.fixture
async def luigi(session: AsyncSession) -> UUID:
    return await add_restaurant(session, name="Chez Luigi")


async def add_user(session: AsyncSession, email: str = "lea@example.fr") -> UserAccount:
    """A user whose password nobody needs."""
    user = UserAccount(id=new_id(), email=email, name="Léa", password_hash="$argon2id$v=19$none")
    session.add(user)
    await session.flush()
    return user


@pytest.fixture
async def lea(session: AsyncSession) -> UserAccount:
    return await add_user(session)


async def test_another_tenant_sees_nothing(
    session: AsyncSession, luigi: UUID, lea: UserAccount
) -> None:
    mario = await add_restaurant(session, name="Chez Mario")
    await team.make_owner(session, luigi, lea.id, actor=ACTOR)
    tom = await add_user(session, "tom@example.fr")
    token = await team.invite(session, luigi, tom.email, Role.STAFF, invited_by=lea.id, now=NOW)
    now = datetime.now(UTC)  # Postgres's own clock says whose open code it is
    code = await devices.offer_code(session, luigi, "Cuisine", now=now, actor=ACTOR)
    with pytest.raises(NotAMember):
        await team.remove_member(session, mario, lea.id, actor=ACTOR)
    with pytest.raises(InvitationOver):
        await team.accept(session, mario, token, tom, now=NOW)
    assert await devices.pair(session, mario, code, now=now) is None
    assert await devices.restaurant_of_code(session, code) == luigi
    device = await devices.pair(session, luigi, code, now=now)
    assert device is not None
    assert await devices.find_device(session, mario, device) is None
    await session.execute(text(f"SET LOCAL ROLE {DatabaseRole.WEB}"))
    for model in (Membership, Invitation, Device):
        assert await session.scalar(select(func.count()).select_from(model)) == 0
    assert await team.restaurants_of(session, lea.id) == {luigi: Role.OWNER}


async def test_a_password_lets_in_and_a_wrong_one_does_not(session: AsyncSession) -> None:
    user = await users.create_user(session, email=" Lea@Example.fr ", name="Léa", password=PASSWORD)
    assert (user.email, PASSWORD in user.password_hash) == ("lea@example.fr", False)
    assert await users.check_password(session, "LEA@example.fr", PASSWORD, now=NOW) is user
    assert await users.check_password(session, "lea@example.fr", "wrong", now=NOW) is None
    assert await users.check_password(session, "nobody@example.fr", PASSWORD, now=NOW) is None
    with pytest.raises(EmailTaken):
        await users.create_user(session, email="LEA@example.fr", name="", password=PASSWORD)


@pytest.mark.parametrize(
    ("email", "password", "error"),
    [
        ("lea", PASSWORD, NotAnEmail),
        ("lea@localhost", PASSWORD, NotAnEmail),
        ("a b@example.fr", PASSWORD, NotAnEmail),
        ("lea@example.fr", "short", WeakPassword),
        ("lea@example.fr", "x" * 201, WeakPassword),
    ],
)
async def test_what_cannot_be_an_account_is_refused(
    session: AsyncSession, email: str, password: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await users.create_user(session, email=email, name="Léa", password=password)


async def test_many_wrong_passwords_lock_the_right_one_out_for_a_while_but_no_known_browser(
    session: AsyncSession, monkeypatch: pytest.MonkeyPatch, lea: UserAccount
) -> None:
    async def matches(_hash: str, password: str) -> bool:
        return password == PASSWORD

    monkeypatch.setattr(users, "_matches", matches)  # five hashes take a second
    for _ in range(users.MOST_WRONG_PASSWORDS):
        assert await users.check_password(session, lea.email, "wrong", now=NOW) is None
    with pytest.raises(TooManyTries) as locked:
        await users.check_password(session, lea.email, PASSWORD, now=NOW)
    assert await users.check_password(session, lea.email, PASSWORD, now=NOW, known=True) is lea
    assert await users.check_password(session, lea.email, "wrong", now=NOW, known=True) is None
    assert locked.value.until == NOW + users.LOCKED_FOR
    assert await users.check_password(session, lea.email, PASSWORD, now=locked.value.until) is lea


async def test_guesses_at_once_are_all_counted(
    database: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def matches(_hash: str, _password: str) -> bool:
        return False

    monkeypatch.setattr(users, "_matches", matches)
    sessions = async_sessions(database)
    async with sessions.begin() as session:
        await add_user(session)
    answers = await at_once(
        sessions, 27, lambda one: users.check_password(one, "lea@example.fr", "guess", now=NOW)
    )
    assert answers.count(None) == users.MOST_WRONG_PASSWORDS
    assert [type(one) for one in answers if one is not None] == [TooManyTries] * 7


async def at_once(
    sessions: Any, count: int, work: Callable[[AsyncSession], Awaitable[Any]]
) -> list[Any]:
    """What each of so many transactions answered or raised."""

    async def one() -> Any:
        async with sessions.begin() as session:
            return await work(session)

    return await asyncio.gather(*(one() for _ in range(count)), return_exceptions=True)


def code_of(user: UserAccount, at: datetime) -> str:
    assert user.totp_encrypted is not None
    return pyotp.TOTP(SECRETS.open(user.totp_encrypted, owner=user.id)).at(at)


async def test_a_one_time_code_is_taken_once_and_its_secret_is_sealed(
    session: AsyncSession, lea: UserAccount
) -> None:
    uri = users.offer_codes(SECRETS, lea, issuer="AlloResto")
    assert lea.totp_encrypted is not None
    assert uri.startswith("otpauth://totp/AlloResto:lea%40example.fr?secret=")
    assert uri.partition("secret=")[2][:16] not in lea.totp_encrypted
    await session.flush()
    code = code_of(lea, NOW)
    assert lea.totp_confirmed_at is None
    assert await users.check_code(session, SECRETS, lea, code, now=NOW)
    assert lea.totp_confirmed_at == NOW
    await session.flush()
    assert not await users.check_code(session, SECRETS, lea, code, now=NOW)
    later = NOW + timedelta(minutes=2)
    assert not await users.check_code(session, SECRETS, lea, code, now=later)
    late_by_one = code_of(lea, later - timedelta(seconds=30))
    assert await users.check_code(session, SECRETS, lea, late_by_one, now=later)
    with pytest.raises(ServiceUnavailable):  # its key was thrown away
        await users.check_code(session, OTHER_SECRETS, lea, code, now=later)
    users.forget_codes(lea)
    await session.flush()
    assert not await users.check_code(session, SECRETS, lea, code_of_nobody(), now=later)


def code_of_nobody() -> str:
    return "000000"


async def test_wrong_codes_lock_as_wrong_passwords_do(
    session: AsyncSession, lea: UserAccount
) -> None:
    users.offer_codes(SECRETS, lea, issuer="AlloResto")
    await session.flush()
    for _ in range(users.MOST_WRONG_CODES):
        assert not await users.check_code(session, SECRETS, lea, "nonsense", now=NOW)
        await session.flush()
    with pytest.raises(TooManyTries):
        await users.check_code(session, SECRETS, lea, code_of(lea, NOW), now=NOW)


async def test_who_has_the_password_guesses_no_more_codes_for_it(session: AsyncSession) -> None:
    """Each right password in between would let another four guesses be made, without end."""
    user = await users.create_user(session, email="eve@example.fr", name="Ève", password=PASSWORD)
    users.offer_codes(SECRETS, user, issuer="AlloResto")
    await session.flush()
    assert await users.check_code(session, SECRETS, user, code_of(user, NOW), now=NOW)
    for _ in range(users.MOST_WRONG_CODES):
        assert await users.check_password(session, user.email, PASSWORD, now=NOW)
        await session.flush()
        assert not await users.check_code(session, SECRETS, user, "nonsense", now=NOW)
        await session.flush()
    assert await users.check_password(session, user.email, PASSWORD, now=NOW)
    with pytest.raises(TooManyTries):
        await users.check_code(session, SECRETS, user, code_of(user, NOW), now=NOW)


async def test_a_session_ends_by_itself_by_sign_out_and_with_the_password(
    session: AsyncSession, lea: UserAccount
) -> None:
    token = await user_sessions.sign_in(session, lea.id, now=NOW)
    row = await user_sessions.find_session(session, token, now=NOW)
    assert row is not None
    assert token not in (row.token_hash, str(row.id))
    for day in (6, 12, 18, 24):  # used each week, it lives
        assert await user_sessions.find_session(session, token, now=NOW + timedelta(days=day))
        await session.flush()
    thirty = NOW + user_sessions.LONGEST
    assert await user_sessions.find_session(session, token, now=thirty) is None
    idle = await user_sessions.sign_in(session, lea.id, now=NOW)
    assert await user_sessions.find_session(session, idle, now=NOW + user_sessions.IDLE) is None
    assert await user_sessions.revoke(session, token)
    assert not await user_sessions.revoke(session, token)
    await users.change_password(session, lea, PASSWORD)
    assert await user_sessions.find_session(session, idle, now=NOW) is None


async def test_a_rotated_token_replaces_the_first_and_lengthens_nothing(
    session: AsyncSession, lea: UserAccount
) -> None:
    token = await user_sessions.sign_in(session, lea.id, now=NOW)
    later = NOW + timedelta(days=5)
    fresh = await user_sessions.rotate(session, token, now=later)
    assert fresh is not None
    assert await user_sessions.find_session(session, token, now=later) is None
    assert await user_sessions.rotate(session, token, now=later) is None
    ends = select(UserSession.expires_at).where(UserSession.revoked_at.is_(None))
    assert await session.scalar(ends) == NOW + user_sessions.LONGEST


async def test_a_restaurant_has_one_owner_who_hands_over(
    session: AsyncSession, luigi: UUID, lea: UserAccount
) -> None:
    tom = await add_user(session, "tom@example.fr")
    await team.make_owner(session, luigi, lea.id, actor=ACTOR)
    await team.make_owner(session, luigi, tom.id, actor=ACTOR)
    assert await team.restaurants_of(session, lea.id) == {luigi: Role.MANAGER}
    for attempt in (
        team.remove_member(session, luigi, tom.id, actor=ACTOR),
        team.change_role(session, luigi, tom.id, Role.STAFF, actor=ACTOR),
        team.change_role(session, luigi, lea.id, Role.OWNER, actor=ACTOR),
    ):
        with pytest.raises(OwnerStays):
            await attempt
    await team.change_role(session, luigi, lea.id, Role.STAFF, actor=ACTOR)
    await team.remove_member(session, luigi, lea.id, actor=ACTOR)
    assert await team.restaurants_of(session, lea.id) == {}
    done = await session.execute(select(AuditEntry.action, AuditEntry.object, AuditEntry.diff))
    assert [tuple(row) for row in done] == [
        ("make_owner", f"user:{lea.id}", {}),
        ("make_owner", f"user:{tom.id}", {}),
        ("change_role", f"user:{lea.id}", {"role": ["manager", "staff"]}),
        ("remove_member", f"user:{lea.id}", {"role": ["staff", None]}),
    ]
    session.add(Membership(restaurant_id=luigi, user_id=lea.id, role=Role.OWNER))
    with pytest.raises(IntegrityError):
        await session.flush()


async def test_an_invitation_is_answered_once_by_whom_it_was_sent_to(
    session: AsyncSession, luigi: UUID, lea: UserAccount
) -> None:
    async def invite(role: Role = Role.STAFF, email: str = "Tom@example.fr") -> str:
        return await team.invite(session, luigi, email, role, invited_by=lea.id, now=NOW)

    tom = await add_user(session, "tom@example.fr")
    with pytest.raises(OwnerStays):
        await invite(Role.OWNER)
    first, token = await invite(), await invite()
    assert restaurant_of(token) == luigi
    late = NOW + team.OPEN_FOR
    for wrong, user, now in ((first, tom, NOW), (token, lea, NOW), (token, tom, late)):
        with pytest.raises(InvitationOver):
            await team.accept(session, luigi, wrong, user, now=now)
    assert await team.accept(session, luigi, token, tom, now=NOW) is Role.STAFF
    with pytest.raises(InvitationOver):
        await team.accept(session, luigi, token, tom, now=NOW)
    with pytest.raises(AlreadyMember):
        await invite()
    zoe = await add_user(session, "zoe@example.fr")
    revoked = await invite(email=zoe.email)
    waiting = await session.scalar(
        select(Invitation.id).where(
            Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None)
        )
    )
    assert waiting is not None
    await team.revoke_invitation(session, luigi, waiting, now=NOW, actor=ACTOR)
    with pytest.raises(InvitationOver):
        await team.accept(session, luigi, revoked, zoe, now=NOW)


async def test_invitations_are_bounded(
    session: AsyncSession, luigi: UUID, lea: UserAccount
) -> None:
    for each in range(team.MOST_OPEN):
        await team.invite(
            session, luigi, f"{each}@example.fr", Role.STAFF, invited_by=lea.id, now=NOW
        )
    with pytest.raises(TooManyInvitations):
        await team.invite(session, luigi, "more@example.fr", Role.STAFF, invited_by=lea.id, now=NOW)


async def test_one_of_ten_answers_at_once_is_taken(database: AsyncEngine) -> None:
    sessions = async_sessions(database)
    async with sessions.begin() as session:
        luigi = await add_restaurant(session)
        lea, tom = await add_user(session), await add_user(session, "tom@example.fr")
        token = await team.invite(
            session, luigi, tom.email, Role.MANAGER, invited_by=lea.id, now=NOW
        )
    answers = await at_once(sessions, 10, lambda one: team.accept(one, luigi, token, tom, now=NOW))
    assert answers.count(Role.MANAGER) == 1
    assert sum(isinstance(one, InvitationOver) for one in answers) == 9


async def test_a_code_pairs_one_device_once(session: AsyncSession, luigi: UUID) -> None:
    code = await devices.offer_code(session, luigi, "Cuisine", now=NOW, actor=ACTOR)
    assert await devices.pair(session, luigi, code, now=NOW + devices.CODE_FOR) is None
    token = await devices.pair(session, luigi, f"{code[:4]} {code[4:]}\n", now=NOW)
    assert token is not None
    assert await devices.pair(session, luigi, code, now=NOW) is None
    device = await devices.find_device(session, luigi, token)
    assert device is not None
    assert (device.name, device.code_hash, token in str(device.token_hash)) == (
        "Cuisine",
        None,
        False,
    )
    await devices.revoke_device(session, luigi, device.id, now=NOW, actor=ACTOR)
    assert await devices.find_device(session, luigi, token) is None


async def test_a_code_alone_finds_its_restaurant_while_it_is_open(
    session: AsyncSession, luigi: UUID
) -> None:
    now = datetime.now(UTC)
    code = await devices.offer_code(session, luigi, "Cuisine", now=now, actor=ACTOR)
    late = now - 2 * devices.CODE_FOR
    old = await devices.offer_code(session, luigi, "Bar", now=late, actor=ACTOR)
    (waiting,) = await devices.list_devices(session, luigi, now=now)
    await session.execute(text(f"SET LOCAL ROLE {DatabaseRole.WEB}"))
    assert await devices.restaurant_of_code(session, code) == luigi
    assert await devices.restaurant_of_code(session, old) is None
    await session.execute(text(f"SELECT set_config('app.restaurant_id', '{luigi}', true)"))
    await devices.revoke_device(session, luigi, waiting.id, now=now, actor=ACTOR)
    assert await devices.restaurant_of_code(session, code) is None
    with pytest.raises(UnknownDevice):
        await devices.revoke_device(session, luigi, waiting.id, now=now, actor=ACTOR)


async def test_a_copied_passkey_is_seen_by_its_count(
    session: AsyncSession, lea: UserAccount
) -> None:
    key = {"public_key": b"cose", "name": "iPhone"}
    await passkeys.add_passkey(session, lea.id, credential_id=b"a" * 16, sign_count=4, **key)  # type: ignore[arg-type]
    assert await passkeys.use_passkey(session, b"a" * 16, 5, now=NOW) == lea.id
    assert await passkeys.use_passkey(session, b"a" * 16, 5, now=NOW) is None
    await passkeys.add_passkey(session, lea.id, credential_id=b"b" * 16, sign_count=0, **key)  # type: ignore[arg-type]
    for _ in range(2):  # it counts nothing
        assert await passkeys.use_passkey(session, b"b" * 16, 0, now=NOW) == lea.id
    await passkeys.revoke_passkey(session, new_id(), b"b" * 16)
    assert await passkeys.use_passkey(session, b"b" * 16, 0, now=NOW) == lea.id
    await passkeys.revoke_passkey(session, lea.id, b"b" * 16)
    assert await passkeys.use_passkey(session, b"b" * 16, 0, now=NOW) is None


async def test_an_organisations_head_manages_its_restaurants(
    session: AsyncSession, luigi: UUID, lea: UserAccount
) -> None:
    tom = await add_user(session, "tom@example.fr")
    await team.make_owner(session, luigi, tom.id, actor=ACTOR)
    group = await found_organisation(session, lea.id, "Groupe Napoli")
    with pytest.raises(NotAMember):
        await join_organisation(session, group, luigi, owner_id=lea.id)
    await join_organisation(session, group, luigi, owner_id=tom.id)
    assert await team.restaurants_of(session, lea.id) == {luigi: Role.MANAGER}
    assert await team.restaurants_of(session, tom.id) == {luigi: Role.OWNER}
    await leave_organisation(session, luigi)
    assert await team.restaurants_of(session, lea.id) == {}


async def test_who_works_for_two_restaurants_has_both_and_a_manager_of_one_sees_one(
    session: AsyncSession, luigi: UUID, lea: UserAccount
) -> None:
    mario = await add_restaurant(session, name="Chez Mario")
    tom = await add_user(session, "tom@example.fr")
    for restaurant_id in (luigi, mario):
        await team.make_owner(session, restaurant_id, lea.id, actor=ACTOR)
    invited = await team.invite(session, luigi, tom.email, Role.MANAGER, invited_by=lea.id, now=NOW)
    (waiting,) = await team.list_invitations(session, luigi, now=NOW)
    assert (waiting.email, waiting.role) == (tom.email, Role.MANAGER)
    assert await team.list_invitations(session, luigi, now=NOW + team.OPEN_FOR) == []
    await team.accept(session, luigi, invited, tom, now=NOW)
    assert await team.list_invitations(session, luigi, now=NOW) == []
    assert await team.restaurants_of(session, lea.id) == dict.fromkeys((luigi, mario), Role.OWNER)
    assert await team.restaurants_of(session, tom.id) == {luigi: Role.MANAGER}
    await session.execute(text(f"SET LOCAL ROLE {DatabaseRole.WEB}"))
    await session.execute(text(f"SELECT set_config('app.restaurant_id', '{luigi}', true)"))
    team_of_luigi = await team.list_members(session, luigi)
    assert {(user.email, role) for user, role in team_of_luigi} == {
        (lea.email, Role.OWNER),
        (tom.email, Role.MANAGER),
    }
    assert await team.list_members(session, mario) == []  # whatever a query asks for
    with pytest.raises(NotAMember):
        await team.change_role(session, mario, lea.id, Role.STAFF, actor=ACTOR)


@pytest.mark.parametrize("role", [DatabaseRole.WEB, DatabaseRole.ADMIN])
async def test_a_restaurant_that_is_handed_over_leaves_an_organisation_of_another(
    session: AsyncSession, luigi: UUID, lea: UserAccount, role: DatabaseRole
) -> None:
    tom, zoe = [await add_user(session, f"{name}@example.fr") for name in ("tom", "zoe")]
    await team.make_owner(session, luigi, tom.id, actor=ACTOR)
    group = await found_organisation(session, lea.id, "Groupe Napoli")
    await join_organisation(session, group, luigi, owner_id=tom.id)
    await session.execute(text(f"SELECT set_config('app.restaurant_id', '{luigi}', true)"))

    async def hand_over(to: UserAccount) -> None:
        await session.execute(text(f"SET LOCAL ROLE {role}"))
        await team.make_owner(session, luigi, to.id, actor=ACTOR)
        await session.execute(text("RESET ROLE"))

    await hand_over(tom)  # as it was
    assert await team.restaurants_of(session, lea.id) == {luigi: Role.MANAGER}
    await hand_over(lea)
    with pytest.raises(NotAMember):
        await change_head(session, group, head_id=tom.id, to=zoe.id)
    await change_head(session, group, head_id=lea.id, to=zoe.id)
    assert await team.restaurants_of(session, zoe.id) == {luigi: Role.MANAGER}
    await hand_over(tom)
    assert await team.restaurants_of(session, zoe.id) == {}


@pytest.mark.parametrize(
    "deed", ["UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"]
)
@pytest.mark.parametrize("role", [None, DatabaseRole.WEB, DatabaseRole.ADMIN])
async def test_nobody_changes_the_audit_log(
    session: AsyncSession, luigi: UUID, deed: str, role: DatabaseRole | None
) -> None:
    await audit(session, luigi, actor="admin", action="price", object="menu_item:1")
    if role is not None:
        await session.execute(text(f"SET LOCAL ROLE {role}"))
    with pytest.raises(DBAPIError, match=r"only ever added to|permission denied"):
        await session.execute(text(deed))


def test_the_migration_can_be_taken_back(empty_database_url: str) -> None:
    for _ in range(2):
        schema.upgrade(empty_database_url, revision="0020")
        with psycopg.connect(libpq_url(empty_database_url)) as connection:
            assert connection.execute("SELECT count(*) FROM user_account").fetchone() == (0,)
        schema.downgrade(empty_database_url, revision="0019")
