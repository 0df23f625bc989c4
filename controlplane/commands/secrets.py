"""`alloresto secrets`: the keys that seal the SIP passwords at rest, and their rotation.

A rotation touches no registration: the triggers are told that no account changes, so that no
gateway is made again. Nothing here shows a password, sealed or open.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import click
from sqlalchemy import Engine, Row, select, text, update

from controlplane.commands import environment
from controlplane.commands.admin_database import admin_engine
from controlplane.models.sip_registration import SipRegistration
from controlplane.secret_box import SecretBox, SecretUnreadable

SealedAccount = Row[UUID, UUID, str, str]
"""Registration id, restaurant id, gateway name, sealed password."""

BATCH: Final = 100
"""Accounts read at once. Each is written in a transaction of its own: one that held the locks of
several rows could deadlock with the controller's."""


@dataclass(slots=True)
class Rotation:
    """What became of every account's secret. `unreadable`: gateways, with the reason."""

    resealed: int = 0
    already: int = 0
    changed: int = 0
    """Written by somebody else meanwhile, who may not have the newest key yet."""
    unreadable: dict[str, str] = field(default_factory=dict)


@click.command()
def new_key() -> None:
    """A fresh key, to be put in front of ALLORESTO_SECRET_KEYS."""
    print(SecretBox.new_key())


@click.command()
def rotate() -> int:
    """Seal every SIP password again with the newest key."""
    box = environment.secret_box()
    with admin_engine() as engine:
        result = reseal_all(engine, box)
    print(f"{result.resealed} sealed again, {result.already} had the newest key already")
    if result.changed:
        print(f"{result.changed} changed meanwhile: run it again", file=sys.stderr)
    _tell_unreadable(result.unreadable)
    return 1 if result.changed or result.unreadable else 0


@click.command()
def check() -> int:
    """Which keys the SIP passwords need."""
    box = environment.secret_box()
    newest, older, unreadable = 0, 0, dict[str, str]()
    with admin_engine() as engine:
        for account in _accounts(engine):
            if reason := _unreadable(box, account):
                unreadable[account.gateway_name] = reason
            elif box.is_newest(account.password_encrypted):
                newest += 1
            else:
                older += 1
    print(f"{newest} sealed with the newest key, {older} with an older one")
    if older:
        print("older keys are still needed: run `alloresto secrets rotate`")
    _tell_unreadable(unreadable)
    return 1 if unreadable else 0


def reseal_all(engine: Engine, box: SecretBox) -> Rotation:
    """Every account not under the newest key yet; may be broken off and run again."""
    result = Rotation()
    for account in _accounts(engine):
        if reason := _unreadable(box, account):
            result.unreadable[account.gateway_name] = reason
        elif box.is_newest(account.password_encrypted):
            result.already += 1
        elif _reseal(engine, box, account):
            result.resealed += 1
        else:
            result.changed += 1
    return result


def _reseal(engine: Engine, box: SecretBox, account: SealedAccount) -> bool:
    """Whether the row still held what was read."""
    password = box.open(account.password_encrypted, owner=account.restaurant_id)
    statement = (
        update(SipRegistration)
        .where(
            SipRegistration.id == account.id,
            SipRegistration.password_encrypted == account.password_encrypted,
        )
        .values(password_encrypted=box.seal(password, owner=account.restaurant_id))
    )
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL alloresto.resealing = 'on'"))
        return connection.execute(statement).rowcount == 1


def _accounts(engine: Engine) -> Iterator[SealedAccount]:
    """Every account in the order of its id, a batch at a time; no transaction stays open."""
    query = (
        select(
            SipRegistration.id,
            SipRegistration.restaurant_id,
            SipRegistration.gateway_name,
            SipRegistration.password_encrypted,
        )
        .order_by(SipRegistration.id)
        .limit(BATCH)
    )
    last = UUID(int=0)
    while True:
        with engine.connect() as connection:
            batch = connection.execute(query.where(SipRegistration.id > last)).all()
        yield from batch
        if len(batch) < BATCH:
            return
        last = batch[-1].id


def _unreadable(box: SecretBox, account: SealedAccount) -> str | None:
    """Why this account's password cannot be opened; None when it can."""
    try:
        box.open(account.password_encrypted, owner=account.restaurant_id)
    except SecretUnreadable as error:
        return str(error)
    return None


def _tell_unreadable(unreadable: dict[str, str]) -> None:
    for gateway, reason in unreadable.items():
        print(f"{gateway}: {reason}", file=sys.stderr)
    if unreadable:
        print(
            f"{len(unreadable)} unreadable: add the key that sealed them, or enter these passwords"
            " again",
            file=sys.stderr,
        )
