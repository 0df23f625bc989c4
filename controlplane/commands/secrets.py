"""`alloresto secrets`: the keys that seal secrets at rest, and their rotation.

A rotation touches no registration: the triggers are told that no account changes, so that no
gateway is made again. Nothing here shows a password, sealed or open.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import click
from sqlalchemy import ColumnElement, Engine, Row, Text, cast, literal, select, text, update
from sqlalchemy.orm import InstrumentedAttribute

from controlplane.commands import environment
from controlplane.commands.admin_database import admin_engine
from controlplane.models.hash_key import HashKey
from controlplane.models.payment_account import PaymentAccount
from controlplane.models.sip_registration import SipRegistration
from controlplane.models.user_account import UserAccount
from controlplane.models.webhook import WebhookEndpoint
from controlplane.secret_box import SecretBox, SecretUnreadable

SealedRow = Row[UUID, UUID, str, str]
"""The row's id, whom its secret belongs to, what an admin calls it, the sealed secret."""

BATCH: Final = 100
"""Rows read at once. Each is written in a transaction of its own: one that held the locks of
several rows could deadlock with the controller's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedColumn:
    """A column of secrets, its table's key, whom they belong to and what an admin calls a row."""

    secret: InstrumentedAttribute[Any]
    id: InstrumentedAttribute[UUID]
    owner: InstrumentedAttribute[UUID]
    name: ColumnElement[str]


SEALED: Final = (
    SealedColumn(
        secret=SipRegistration.password_encrypted,
        id=SipRegistration.id,
        owner=SipRegistration.restaurant_id,
        name=SipRegistration.gateway_name.expression,
    ),
    SealedColumn(
        secret=HashKey.key_encrypted,
        id=HashKey.restaurant_id,
        owner=HashKey.restaurant_id,
        name=literal("hash key of ") + cast(HashKey.restaurant_id, Text),
    ),
    SealedColumn(
        secret=UserAccount.totp_encrypted,
        id=UserAccount.id,
        owner=UserAccount.id,
        name=literal("one-time codes of ") + cast(UserAccount.id, Text),
    ),
    SealedColumn(
        secret=WebhookEndpoint.secret_encrypted,
        id=WebhookEndpoint.id,
        owner=WebhookEndpoint.restaurant_id,
        name=literal("webhook of ") + cast(WebhookEndpoint.restaurant_id, Text),
    ),
    *(
        SealedColumn(
            secret=secret,
            id=PaymentAccount.restaurant_id,
            owner=PaymentAccount.restaurant_id,
            name=literal("Stripe account of ") + cast(PaymentAccount.restaurant_id, Text),
        )
        for secret in (PaymentAccount.api_key_encrypted, PaymentAccount.webhook_secret_encrypted)
    ),
)


@dataclass(slots=True)
class Rotation:
    """What became of every secret. `unreadable`: rows, with the reason."""

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
    """Seal every secret again with the newest key."""
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
    """Which keys the secrets need."""
    box = environment.secret_box()
    newest, older, unreadable = 0, 0, dict[str, str]()
    with admin_engine() as engine:
        for _, row in _rows(engine):
            if reason := _unreadable(box, row):
                unreadable[row.name] = reason
            elif box.is_newest(row.secret):
                newest += 1
            else:
                older += 1
    print(f"{newest} sealed with the newest key, {older} with an older one")
    if older:
        print("older keys are still needed: run `alloresto secrets rotate`")
    _tell_unreadable(unreadable)
    return 1 if unreadable else 0


def reseal_all(engine: Engine, box: SecretBox) -> Rotation:
    """Every secret not under the newest key yet; may be broken off and run again."""
    result = Rotation()
    for column, row in _rows(engine):
        if reason := _unreadable(box, row):
            result.unreadable[row.name] = reason
        elif box.is_newest(row.secret):
            result.already += 1
        elif _reseal(engine, box, column, row):
            result.resealed += 1
        else:
            result.changed += 1
    return result


def _reseal(engine: Engine, box: SecretBox, column: SealedColumn, row: SealedRow) -> bool:
    """Whether the row still held what was read."""
    secret = box.open(row.secret, owner=row.owner)
    statement = (
        update(column.secret.class_)
        .where(column.id == row.id, column.secret == row.secret)
        .values({column.secret: box.seal(secret, owner=row.owner)})
    )
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL alloresto.resealing = 'on'"))
        return connection.execute(statement).rowcount == 1


def _rows(engine: Engine) -> Iterator[tuple[SealedColumn, SealedRow]]:
    """Every secret, a batch at a time in the order of its id; no transaction stays open."""
    for column in SEALED:
        last = UUID(int=0)
        query = (
            select(
                column.id.label("id"),
                column.owner.label("owner"),
                column.name.label("name"),
                column.secret.label("secret"),
            )
            .where(column.secret.is_not(None))
            .order_by(column.id)
            .limit(BATCH)
        )
        while True:
            with engine.connect() as connection:
                batch = connection.execute(query.where(column.id > last)).all()
            yield from ((column, row) for row in batch)
            if len(batch) < BATCH:
                break
            last = batch[-1].id


def _unreadable(box: SecretBox, row: SealedRow) -> str | None:
    """Why this secret cannot be opened; None when it can."""
    try:
        box.open(row.secret, owner=row.owner)
    except SecretUnreadable as error:
        return str(error)
    return None


def _tell_unreadable(unreadable: dict[str, str]) -> None:
    for name, reason in unreadable.items():
        print(f"{name}: {reason}", file=sys.stderr)
    if unreadable:
        print(
            f"{len(unreadable)} unreadable: add the key that sealed them, or enter these passwords"
            " again",
            file=sys.stderr,
        )
