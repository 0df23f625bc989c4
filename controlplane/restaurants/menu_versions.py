"""Menus are published as versions: what was, what differs, and the way back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.menu_version import MenuVersion
from controlplane.restaurants.audit import ADMIN, audit
from controlplane.restaurants.errors import UnknownMenuVersion
from controlplane.restaurants.menu_changes import Change, changes_between
from controlplane.restaurants.menu_document import MenuDocument
from controlplane.restaurants.menu_errors import UnreadableMenuVersion
from controlplane.restaurants.menu_files.problems import at_path, faults_of
from controlplane.restaurants.menu_import import import_menu, lock_menu
from controlplane.restaurants.menu_rows import DishIds, read_document
from controlplane.restaurants.setup_errors import ChangedMeanwhile

_SHOWN: Final = 3
"""Faults of a version that is refused."""
EDITED = "modifications"
"""The source of a version that no publication made: the menu had been edited since the last."""


@dataclass(frozen=True, slots=True)
class Published:
    """The version a publication made, or found unchanged, and what it changed on the menu."""

    number: int
    changes: tuple[Change, ...]


async def publish_menu(
    session: AsyncSession,
    restaurant_id: UUID,
    document: MenuDocument,
    *,
    source: str,
    actor: str = ADMIN,
    dish_ids: DishIds | None = None,
) -> Published:
    """Make the document the menu and keep it as a version; the caller commits.

    The menu as it was is kept before, unless a version has it: nothing is ever lost. What is kept
    is read back: a document may spell a name otherwise than the rows do, and `undo_menu` would take
    that for an edit. `dish_ids` tell which dishes are the ones before under another name.
    """
    await lock_menu(session, restaurant_id)
    before = await read_document(session, restaurant_id)
    if before != MenuDocument():
        await _keep(session, restaurant_id, before, source=EDITED)
    changes = await import_menu(session, restaurant_id, document, dish_ids=dish_ids)
    written = await read_document(session, restaurant_id)
    number = await _keep(session, restaurant_id, written, source=source)
    if changes:
        version = f"menu_version:{number}"
        await audit(session, restaurant_id, actor=actor, action="publish_menu", object=version)
    return Published(number, changes)


async def undo_menu(
    session: AsyncSession, restaurant_id: UUID, *, over: int | None = None, actor: str = ADMIN
) -> Published:
    """Publish the menu as it was before its last change; undone twice, it is as it was. `over` is
    the version that was looked at: a button that is pressed twice undoes nothing twice.

    Raises `ChangedMeanwhile` when another is the newest by now, `UnknownMenuVersion` when nothing
    was before, `UnreadableMenuVersion` when today's format refuses what was.
    """
    await lock_menu(session, restaurant_id)
    newest = await _newest(session, restaurant_id)
    if newest is None:
        raise UnknownMenuVersion(0)
    if over is not None and over != newest.number:
        raise ChangedMeanwhile
    edited = not _is_of(newest, await read_document(session, restaurant_id))
    number = newest.number - (0 if edited else 1)
    return await restore_menu(session, restaurant_id, number, actor=actor)


async def restore_menu(
    session: AsyncSession, restaurant_id: UUID, number: int, *, actor: str = ADMIN
) -> Published:
    """Publish an older version again, under a new number.

    Raises `UnknownMenuVersion`, `UnreadableMenuVersion`.
    """
    document = await read_version(session, restaurant_id, number)
    source = f"version {number}"
    return await publish_menu(session, restaurant_id, document, source=source, actor=actor)


async def read_version(session: AsyncSession, restaurant_id: UUID, number: int) -> MenuDocument:
    """The menu as it was published. Raises `UnknownMenuVersion`, `UnreadableMenuVersion`."""
    stored = await session.scalar(
        select(MenuVersion.document).where(
            MenuVersion.restaurant_id == restaurant_id, MenuVersion.number == number
        )
    )
    if stored is None:
        raise UnknownMenuVersion(number)
    return parsed(stored, what=f"menu version {number}")


async def changes_since(
    session: AsyncSession, restaurant_id: UUID, number: int
) -> tuple[Change, ...]:
    """What differs between that version and the menu now.

    Raises `UnknownMenuVersion`, `UnreadableMenuVersion`.
    """
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
    if newest is not None and _is_of(newest, document):
        return newest.number
    number = newest.number + 1 if newest else 1
    session.add(
        MenuVersion(
            restaurant_id=restaurant_id, number=number, document=plain(document), source=source
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


async def newest_number(session: AsyncSession, restaurant_id: UUID) -> int | None:
    """The number of the newest version; None where no menu was ever published."""
    number: int | None = await session.scalar(
        select(func.max(MenuVersion.number)).where(MenuVersion.restaurant_id == restaurant_id)
    )
    return number


def _is_of(version: MenuVersion, document: MenuDocument) -> bool:
    """Whether the version has this document, whatever the format has gained since it was kept."""
    try:
        return parsed(version.document, what="") == document
    except UnreadableMenuVersion:
        return False


def parsed(stored: Mapping[str, object], *, what: str) -> MenuDocument:
    """What was kept as a document; `what` is how a refusal names it.

    Raises `UnreadableMenuVersion`, whose message says what today's format refuses.
    """
    try:
        return MenuDocument.model_validate(stored)
    except ValidationError as error:
        faults = [str(at_path(*fault)) for fault in faults_of(error)]
        raise UnreadableMenuVersion(what, " ; ".join(faults[:_SHOWN])) from error


def plain(document: MenuDocument) -> dict[str, object]:
    """The document as it is kept, which `parsed` reads."""
    return document.model_dump(mode="json")
