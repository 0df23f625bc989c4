"""A draft is the next menu, worked on while the published one serves calls; the caller commits.

Drafts and publications of a restaurant take turns under its menu's lock.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.models import menu_draft as rows
from controlplane.restaurants.audit import ADMIN, audit
from controlplane.restaurants.menu_changes import Change, changes_between
from controlplane.restaurants.menu_document import MenuDocument, dish_words
from controlplane.restaurants.menu_edits import WorkingMenu
from controlplane.restaurants.menu_errors import (
    MenuChangedSince,
    MenuDraftChanged,
    MenuHasErrors,
    NoMenuDraft,
)
from controlplane.restaurants.menu_import import lock_menu, moves
from controlplane.restaurants.menu_rows import DishIds, read_document, read_with_ids
from controlplane.restaurants.menu_versions import Published, parsed, plain, publish_menu
from controlplane.restaurants.voice_lint.findings import Severity
from controlplane.restaurants.voice_lint.lint import lint_menu

_DRAFT: Final = "the draft"
_SHOWN: Final = 5
"""Places of a refusal: the first say what happened."""
TYPED: Final = "saisie"
"""The source of a draft that was begun on the site's pages."""


@dataclass(frozen=True, slots=True)
class MenuDraft:
    """A draft as it stands, and what publishing it would change on the menu of now."""

    document: MenuDocument
    revision: int
    changes: tuple[Change, ...]
    taken_back: tuple[Change, ...]
    """What changed on the menu since the draft was begun, which publishing it would take back."""
    dish_ids: DishIds


async def save_draft(
    session: AsyncSession,
    restaurant_id: UUID,
    document: MenuDocument,
    *,
    over: int,
    source: str,
    actor: str = ADMIN,
    dish_ids: DishIds | None = None,
) -> int:
    """Keep the document as the draft and return its revision; no caller is told of it.

    `over` is the revision that it takes the place of, 0 to begin one. Raises `MenuDraftChanged`.
    Without `dish_ids` its dishes are those of the menu of the same category and name.
    """
    await lock_menu(session, restaurant_id)
    draft = await _find(session, restaurant_id)
    revision = draft.revision if draft else 0
    if revision != over:
        raise MenuDraftChanged(revision)
    published, published_ids = await read_with_ids(session, restaurant_id)
    if draft is None:
        draft = rows.MenuDraft(restaurant_id=restaurant_id, begun_from=plain(published))
        session.add(draft)
    draft.document, draft.revision, draft.source = plain(document), revision + 1, source
    draft.dish_ids = _plain_ids(named(document, published_ids) if dish_ids is None else dish_ids)
    kept = f"menu_draft:{draft.revision}"
    await audit(session, restaurant_id, actor=actor, action="save_menu_draft", object=kept)
    return draft.revision


async def read_draft(session: AsyncSession, restaurant_id: UUID) -> MenuDraft:
    """Raises `NoMenuDraft`, and `UnreadableMenuVersion` of a draft that today's format refuses."""
    draft = await _stored(session, restaurant_id)
    document = parsed(draft.document, what=_DRAFT)
    published, published_ids = await read_with_ids(session, restaurant_id)
    return MenuDraft(
        document,
        draft.revision,
        changes=changes_between(published, document, moved=moves(published_ids, _ids(draft))),
        taken_back=changes_between(parsed(draft.begun_from, what=_DRAFT), published),
        dish_ids=_ids(draft),
    )


async def read_working_menu(session: AsyncSession, restaurant_id: UUID) -> WorkingMenu:
    """The draft, or the published menu while there is none.

    Raises `UnreadableMenuVersion` of a draft that today's format refuses.
    """
    draft = await _find(session, restaurant_id)
    if draft is None:
        return WorkingMenu(*await read_with_ids(session, restaurant_id))
    document = parsed(draft.document, what=_DRAFT)
    return WorkingMenu(
        document,
        named(document, _ids(draft)),
        draft.revision,
        begun_from=parsed(draft.begun_from, what=_DRAFT),
    )


async def edit_menu(
    session: AsyncSession,
    restaurant_id: UUID,
    edit: Callable[[WorkingMenu], WorkingMenu],
    *,
    actor: str,
) -> WorkingMenu:
    """Make one change on the draft, which begins with it when there is none.

    What others saved meanwhile stays: the change is made on the newest draft, and refused only when
    it is of the same entry. Raises what `edit` raises, and `UnreadableMenuVersion`.
    """
    await lock_menu(session, restaurant_id)
    before = await read_working_menu(session, restaurant_id)
    after = edit(before)
    if after == before:
        return before
    draft = await _find(session, restaurant_id)
    revision = await save_draft(
        session,
        restaurant_id,
        after.document,
        over=before.revision,
        source=draft.source if draft else TYPED,
        actor=actor,
        dish_ids=after.dish_ids,
    )
    return replace(after, revision=revision)


async def publish_draft(
    session: AsyncSession,
    restaurant_id: UUID,
    *,
    revision: int | None = None,
    over_changes: bool = False,
    despite_errors: bool = False,
    actor: str = ADMIN,
) -> Published:
    """Make the draft the menu, and a version; calls hear of it at once.

    Raises `NoMenuDraft`, `UnreadableMenuVersion`, `MenuDraftChanged` when it is of another revision
    than somebody looked at, `MenuChangedSince` unless what changed on the menu since the draft was
    begun is to be taken back, and `MenuHasErrors` of the voice lint.
    """
    await lock_menu(session, restaurant_id)
    draft = await _stored(session, restaurant_id)
    if revision not in (None, draft.revision):
        raise MenuDraftChanged(draft.revision)
    if not over_changes:
        await _check_unchanged(session, draft)
    document = parsed(draft.document, what=_DRAFT)
    if not despite_errors:
        _check_sayable(document)
    published = await publish_menu(
        session,
        restaurant_id,
        document,
        source=draft.source,
        actor=actor,
        dish_ids=_ids(draft),
    )
    await session.delete(draft)
    await session.flush()
    return published


async def discard_draft(session: AsyncSession, restaurant_id: UUID, *, actor: str = ADMIN) -> None:
    """Throw the draft away. Raises `NoMenuDraft`."""
    await lock_menu(session, restaurant_id)
    draft = await _stored(session, restaurant_id)
    thrown = f"menu_draft:{draft.revision}"
    await session.delete(draft)
    await audit(session, restaurant_id, actor=actor, action="discard_menu_draft", object=thrown)


def named(document: MenuDocument, known: DishIds) -> DishIds:
    """Every dish of the document by its id: that of the known dish of its category and name,
    however they are written, else a new one. Pure but for new ids.
    """
    by_words = {dish_words(*place): dish_id for dish_id, place in known.items()}
    return {
        by_words.get(dish_words(category, item.name)) or new_id(): (category, item.name)
        for category, item in document.placed_items()
    }


def _check_sayable(document: MenuDocument) -> None:
    errors = [one for one in lint_menu(document) if one.severity is Severity.ERROR]
    if errors:
        raise MenuHasErrors(tuple(one.place for one in errors[:_SHOWN]))


def _ids(draft: rows.MenuDraft) -> DishIds:
    return {UUID(dish_id): (place[0], place[1]) for dish_id, place in draft.dish_ids.items()}


def _plain_ids(ids: DishIds) -> dict[str, list[str]]:
    return {str(dish_id): list(place) for dish_id, place in ids.items()}


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
