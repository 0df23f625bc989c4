"""Photos of dishes: kept beside their dish, and gone with it."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.menu import MenuItem
from controlplane.models.menu_photo import MenuPhoto
from controlplane.restaurants.audit import audit
from controlplane.restaurants.menu_errors import NotInMenu
from controlplane.restaurants.photo_file import Photo


class PhotoSize(StrEnum):
    """The sizes that a photo is kept in."""

    LARGE = "large"
    SMALL = "small"


async def set_photo(
    session: AsyncSession, restaurant_id: UUID, item_id: UUID, photo: Photo, *, actor: str
) -> UUID:
    """Let the photo take the place of the dish's, and return its id; the caller commits.

    Raises `NotInMenu` unless the published menu has the dish.
    """
    dish = await session.scalar(
        select(MenuItem.id)
        .where(MenuItem.restaurant_id == restaurant_id, MenuItem.id == item_id)
        .with_for_update()
    )
    if dish is None:
        raise NotInMenu(item_id)
    await session.execute(delete(MenuPhoto).where(_of(restaurant_id, item_id)))
    row = MenuPhoto(
        restaurant_id=restaurant_id, item_id=item_id, large=photo.large, small=photo.small
    )
    session.add(row)
    of_dish = f"menu_item:{item_id}"
    await audit(session, restaurant_id, actor=actor, action="set_photo", object=of_dish)
    return row.id


async def remove_photo(
    session: AsyncSession, restaurant_id: UUID, item_id: UUID, *, actor: str
) -> None:
    """Raise `NotInMenu` when the dish has no photo; the caller commits."""
    found = await session.execute(
        delete(MenuPhoto).where(_of(restaurant_id, item_id)).returning(MenuPhoto.id)
    )
    if found.first() is None:
        raise NotInMenu(item_id)
    of_dish = f"menu_item:{item_id}"
    await audit(session, restaurant_id, actor=actor, action="remove_photo", object=of_dish)


async def read_photo(
    session: AsyncSession, restaurant_id: UUID, photo_id: UUID, size: PhotoSize
) -> bytes:
    """The photo's WebP. Raises `NotInMenu`."""
    column = MenuPhoto.large if size is PhotoSize.LARGE else MenuPhoto.small
    found: bytes | None = await session.scalar(
        select(column).where(MenuPhoto.restaurant_id == restaurant_id, MenuPhoto.id == photo_id)
    )
    if found is None:
        raise NotInMenu(photo_id)
    return found


def _of(restaurant_id: UUID, item_id: UUID) -> ColumnElement[bool]:
    return and_(MenuPhoto.restaurant_id == restaurant_id, MenuPhoto.item_id == item_id)
