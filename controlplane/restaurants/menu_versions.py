"""Menus are published as versions: what was, what differs, and the way back."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.menu_version import MenuVersion
from controlplane.restaurants.errors import UnknownMenuVersion
from controlplane.restaurants.menu_changes import Change, changes_between
from controlplane.restaurants.menu_document import MenuDocument
from controlplane.restaurants.menu_import import import_menu, lock_menu
from controlplane.restaurants.menu_rows import read_document

EDITED = "modifications"
"""The source of a version that no publication made: the menu had been edited since the last."""


@dataclass(frozen=True, slots=True)
class Published:
    """The version a publication made, or found unchanged, and what it changed on the menu."""

    number: int
    changes: tuple[Change, ...]


async def publish_menu(
    session: AsyncSession, restaurant_id: UUID, document: MenuDocument, *, source: str
) -> Published:
    """Make the document the menu and keep it as a version; the caller commits.

    The menu as it was is kept before, unless a version has it: nothing is ever lost.
    """
    await lock_menu(session, restaurant_id)
    before = await read_document(session, restaurant_id)
    if before != MenuDocument():
        await _keep(session, restaurant_id, before, source=EDITED)
    changes = await import_menu(session, restaurant_id, document)
    return Published(await _keep(session, restaurant_id, document, source=source), changes)


async def undo_menu(session: AsyncSession, restaurant_id: UUID) -> Published:
    """Publish the menu as it was before its last change; undone twice, it is as it was.

    Raises `UnknownMenuVersion` when nothing was before.
    """
    await lock_menu(session, restaurant_id)
    newest = await _newest(session, restaurant_id)
    if newest is None:
        raise UnknownMenuVersion(0)
    edited = _plain(await read_document(session, restaurant_id)) != newest.document
    return await restore_menu(session, restaurant_id, newest.number - (0 if edited else 1))


async def restore_menu(session: AsyncSession, restaurant_id: UUID, number: int) -> Published:
    """Publish an older version again, under a new number. Raises `UnknownMenuVersion`."""
    document = await read_version(session, restaurant_id, number)
    return await publish_menu(session, restaurant_id, document, source=f"version {number}")


async def read_version(session: AsyncSession, restaurant_id: UUID, number: int) -> MenuDocument:
    """The menu as it was published. Raises `UnknownMenuVersion`."""
    stored = await session.scalar(
        select(MenuVersion.document).where(
            MenuVersion.restaurant_id == restaurant_id, MenuVersion.number == number
        )
    )
    if stored is None:
        raise UnknownMenuVersion(number)
    return MenuDocument.model_validate(stored)


async def changes_since(
    session: AsyncSession, restaurant_id: UUID, number: int
) -> tuple[Change, ...]:
    """What differs between that version and the menu now. Raises `UnknownMenuVersion`."""
    then = await read_version(session, restaurant_id, number)
    return changes_between(then, await read_document(session, restaurant_id))


async def list_versions(session: AsyncSession, restaurant_id: UUID) -> list[MenuVersion]:
    """The restaurant's versions, newest first."""
    found = await session.scalars(
        select(MenuVersion)
        .where(MenuVersion.restaurant_id == restaurant_id)
        .order_by(MenuVersion.number.desc())
    )
    return list(found)


async def _keep(
    session: AsyncSession, restaurant_id: UUID, document: MenuDocument, *, source: str
) -> int:
    """The number of the newest version, which is the document's."""
    newest = await _newest(session, restaurant_id)
    if newest is not None and newest.document == _plain(document):
        return newest.number
    number = newest.number + 1 if newest else 1
    session.add(
        MenuVersion(
            restaurant_id=restaurant_id, number=number, document=_plain(document), source=source
        )
    )
    await session.flush()
    return number


async def _newest(session: AsyncSession, restaurant_id: UUID) -> MenuVersion | None:
    newest: MenuVersion | None = await session.scalar(
        select(MenuVersion)
        .where(MenuVersion.restaurant_id == restaurant_id)
        .order_by(MenuVersion.number.desc())
        .limit(1)
    )
    return newest


def _plain(document: MenuDocument) -> dict[str, object]:
    return document.model_dump(mode="json")
