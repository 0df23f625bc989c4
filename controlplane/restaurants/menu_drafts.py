"""A draft is the next menu, worked on while the published one serves calls; the caller commits.

Drafts and publications of a restaurant take turns under its menu's lock.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models import menu_draft as rows
from controlplane.restaurants.audit import ADMIN
from controlplane.restaurants.menu_changes import Change, changes_between
from controlplane.restaurants.menu_document import MenuDocument
from controlplane.restaurants.menu_errors import MenuChangedSince, MenuDraftChanged, NoMenuDraft
from controlplane.restaurants.menu_import import lock_menu
from controlplane.restaurants.menu_rows import read_document
from controlplane.restaurants.menu_versions import Published, parsed, plain, publish_menu

_DRAFT: Final = "the draft"
_SHOWN: Final = 5
"""Places of a refusal: the first say what happened."""


@dataclass(frozen=True, slots=True)
class MenuDraft:
    """A draft as it stands, and what publishing it would change on the menu of now."""

    document: MenuDocument
    revision: int
    changes: tuple[Change, ...]


async def save_draft(
    session: AsyncSession, restaurant_id: UUID, document: MenuDocument, *, over: int, source: str
) -> int:
    """Keep the document as the draft and return its revision; no caller is told of it.

    `over` is the revision that it takes the place of, 0 to begin one. Raises `MenuDraftChanged`.
    """
    await lock_menu(session, restaurant_id)
    draft = await _find(session, restaurant_id)
    revision = draft.revision if draft else 0
    if revision != over:
        raise MenuDraftChanged(revision)
    if draft is None:
        draft = rows.MenuDraft(
            restaurant_id=restaurant_id,
            begun_from=plain(await read_document(session, restaurant_id)),
        )
        session.add(draft)
    draft.document, draft.revision, draft.source = plain(document), revision + 1, source
    await session.flush()
    return draft.revision


async def read_draft(session: AsyncSession, restaurant_id: UUID) -> MenuDraft:
    """Raises `NoMenuDraft`, and `UnreadableMenuVersion` of a draft that today's format refuses."""
    draft = await _stored(session, restaurant_id)
    document = parsed(draft.document, what=_DRAFT)
    changes = changes_between(await read_document(session, restaurant_id), document)
    return MenuDraft(document, draft.revision, changes)


async def publish_draft(
    session: AsyncSession,
    restaurant_id: UUID,
    *,
    over_changes: bool = False,
    actor: str = ADMIN,
) -> Published:
    """Make the draft the menu, and a version; calls hear of it at once.

    Raises `NoMenuDraft`, `UnreadableMenuVersion`, and `MenuChangedSince` unless what changed on the
    menu since the draft was begun is to be taken back.
    """
    await lock_menu(session, restaurant_id)
    draft = await _stored(session, restaurant_id)
    if not over_changes:
        await _check_unchanged(session, draft)
    document = parsed(draft.document, what=_DRAFT)
    published = await publish_menu(
        session, restaurant_id, document, source=draft.source, actor=actor
    )
    await session.delete(draft)
    await session.flush()
    return published


async def discard_draft(session: AsyncSession, restaurant_id: UUID) -> None:
    """Throw the draft away. Raises `NoMenuDraft`."""
    await lock_menu(session, restaurant_id)
    await session.delete(await _stored(session, restaurant_id))
    await session.flush()


async def _check_unchanged(session: AsyncSession, draft: rows.MenuDraft) -> None:
    """Sold out or not is no change of a menu: the kitchen's people go on while others edit."""
    now = await read_document(session, draft.restaurant_id)
    changes = changes_between(parsed(draft.begun_from, what=_DRAFT), now)
    if changes:
        raise MenuChangedSince(tuple(str(change) for change in changes[:_SHOWN]))


async def _stored(session: AsyncSession, restaurant_id: UUID) -> rows.MenuDraft:
    draft = await _find(session, restaurant_id)
    if draft is None:
        raise NoMenuDraft
    return draft


async def _find(session: AsyncSession, restaurant_id: UUID) -> rows.MenuDraft | None:
    return await session.get(rows.MenuDraft, restaurant_id, populate_existing=True)
