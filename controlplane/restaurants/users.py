"""Users sign in: by password (Argon2id), and by a one-time code where they have one.

The caller of these commits, whatever they answer: a wrong try is only counted once it is committed.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Final

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.email_addresses import address_of
from controlplane.contracts.identifiers import new_id
from controlplane.errors import ServiceUnavailable
from controlplane.models.user_account import UserAccount
from controlplane.restaurants.people_errors import (
    EmailTaken,
    NotAnEmail,
    TooManyTries,
    WeakPassword,
)
from controlplane.restaurants.user_sessions import revoke_all
from controlplane.secret_box import SecretBox, SecretUnreadable

LEAST_PASSWORD: Final = 12
MOST_PASSWORD: Final = 200
"""Longer is no safer, and hashing it costs us (NIST SP 800-63B §3.1.1 asks for 64 at least)."""
MOST_WRONG_PASSWORDS: Final = 20
"""It counts browsers in which the user never signed in, all together. One of them, or one address
of the network, is stopped sooner (`controlplane/restaurants/try_limits.py`), so that no single
stranger locks anybody out."""
MOST_WRONG_CODES: Final = 5
LOCKED_FOR: Final = timedelta(minutes=15)
"""Twenty tries an hour: who guesses one-time codes this way needs years."""
STEP_S: Final = 30

_hasher: Final = PasswordHasher()
_NOBODY: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4"
    "$YKp62MmnVtqJQzbUytSwzg$Be8MOeQDIOjxM44uTj9cTwWiXF/suKmzTJYiuy+bGZA"
)
"""An address without a user takes as long as one with: the answer's time tells nothing."""


async def create_user(
    session: AsyncSession, *, email: str, name: str, password: str
) -> UserAccount:
    """Raises `NotAnEmail`, `WeakPassword`, `EmailTaken`."""
    address = read_email(email)
    user_id = new_id()
    new = insert(UserAccount).values(
        id=user_id, email=address, name=name, password_hash=await _hashed(password)
    )
    made = await session.scalar(new.on_conflict_do_nothing().returning(UserAccount.id))
    if made is None:
        raise EmailTaken
    return await session.get_one(UserAccount, user_id)


def read_email(written: str) -> str:
    """The address as it is stored. Raises `NotAnEmail`."""
    address = address_of(written)
    if address is None:
        raise NotAnEmail
    return address


async def find_user_by_email(session: AsyncSession, email: str) -> UserAccount | None:
    """Who signs in with this address; None is nobody, or no address."""
    found: UserAccount | None = await session.scalar(
        select(UserAccount).where(UserAccount.email == email.strip().lower())
    )
    return found


async def check_password(
    session: AsyncSession, email: str, password: str, *, now: datetime, known: bool = False
) -> UserAccount | None:
    """The user, or None when address or password is wrong. Raises `TooManyTries`.

    In a browser that is `known`, because the user signed in there before, a lock that strangers
    caused does not hold; its tries are counted by whoever knows it.
    """
    user = await session.scalar(
        select(UserAccount).where(UserAccount.email == email.strip().lower()).with_for_update()
    )
    right = await _matches(user.password_hash if user else _NOBODY, password)
    if user is None:
        return None
    if known:
        return user if right else None
    _refuse_until(user.locked_until, now)
    if right:
        user.failed_tries, user.locked_until = 0, None
        return user
    user.failed_tries += 1
    if user.failed_tries >= MOST_WRONG_PASSWORDS:
        user.failed_tries, user.locked_until = 0, now + LOCKED_FOR
    return None


async def change_password(session: AsyncSession, user: UserAccount, password: str) -> None:
    """Every browser is signed out: one of them may be the reason. Raises `WeakPassword`."""
    user.password_hash = await _hashed(password)
    user.failed_tries, user.locked_until = 0, None
    await revoke_all(session, user.id)


def offer_codes(box: SecretBox, user: UserAccount, *, issuer: str) -> str:
    """Give the user a new secret; the URI is for their telephone, and is shown once.

    No code is asked for until `check_code` has taken a first one.
    """
    secret = pyotp.random_base32()
    user.totp_encrypted = box.seal(secret, owner=user.id)
    user.totp_confirmed_at = None
    user.totp_last_step = 0
    return _uri(secret, user, issuer)


def offered_codes(box: SecretBox, user: UserAccount, *, issuer: str) -> str | None:
    """The URI once more, until a first code is taken; then it is shown to nobody.

    Raises `ServiceUnavailable` while no key opens the secret.
    """
    if user.totp_encrypted is None or user.totp_confirmed_at is not None:
        return None
    return _uri(_secret(box, user, user.totp_encrypted), user, issuer)


async def check_code(
    session: AsyncSession, box: SecretBox, user: UserAccount, code: str, *, now: datetime
) -> bool:
    """Whether the code is right now (a step more or less) and was never taken before.

    Raises `TooManyTries`; `ServiceUnavailable` while no key opens the secret.
    """
    await session.refresh(user, with_for_update=True)
    if user.totp_encrypted is None:
        return False
    codes = pyotp.TOTP(_secret(box, user, user.totp_encrypted))
    this_step = int(now.timestamp()) // STEP_S
    step = next(
        (each for each in (this_step - 1, this_step, this_step + 1) if _is(codes, each, code)), 0
    )
    _refuse_until(user.codes_locked_until, now)
    if step <= user.totp_last_step:
        user.failed_codes += 1
        if user.failed_codes >= MOST_WRONG_CODES:
            user.failed_codes, user.codes_locked_until = 0, now + LOCKED_FOR
        return False
    user.failed_codes, user.codes_locked_until = 0, None
    user.totp_last_step = step
    user.totp_confirmed_at = user.totp_confirmed_at or now
    return True


def forget_codes(user: UserAccount) -> None:
    """No code is asked for any more."""
    user.totp_encrypted = user.totp_confirmed_at = None


def _is(codes: pyotp.TOTP, step: int, code: str) -> bool:
    return pyotp.utils.strings_equal(codes.generate_otp(step), code.strip())


def _refuse_until(until: datetime | None, now: datetime) -> None:
    """Raises `TooManyTries`, for a right one too: else the lock would tell which is right."""
    if until is not None and now < until:
        raise TooManyTries(until)


def _secret(box: SecretBox, user: UserAccount, sealed: str) -> str:
    """The secret that a telephone has. Without its key nobody is at fault who types a code."""
    try:
        return box.open(sealed, owner=user.id)
    except SecretUnreadable as error:
        raise ServiceUnavailable("no key opens the one-time codes' secret") from error


def _uri(secret: str, user: UserAccount, issuer: str) -> str:
    return pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=issuer)


async def _hashed(password: str) -> str:
    if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
        raise WeakPassword(LEAST_PASSWORD, MOST_PASSWORD)
    return await asyncio.to_thread(_hasher.hash, password)


async def _matches(password_hash: str, password: str) -> bool:
    """Hashing takes tens of milliseconds of a core, and the loop serves others meanwhile."""
    try:
        return await asyncio.to_thread(_hasher.verify, password_hash, password[:MOST_PASSWORD])
    except VerificationError:
        return False
