"""Photos of dishes: uploaded, taken away, and shown to the restaurant's own people."""

import asyncio
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from controlplane.restaurants.menu_errors import NotInMenu
from controlplane.restaurants.menu_photos import (
    PhotoSize,
    read_photo,
    remove_photo,
    set_photo,
)
from controlplane.restaurants.photo_file import (
    MOST_PHOTO_BYTES,
    PhotoProblem,
    PhotoRefused,
    read_photo_file,
)
from webapp.forms import read_upload
from webapp.menu.dish_routes import dish_again
from webapp.place import ManagerHere, StaffHere
from webapp.words import _

FOR_GOOD: Final = "private, max-age=31536000, immutable"
"""Another photo has another id, and only the restaurant's people may keep it."""
MOST_AT_ONCE: Final = 2
"""A photo that is decoded takes 150 MB; others wait."""

router = APIRouter(prefix="/place/{restaurant_id}/menu", include_in_schema=False)
_decoding: Final = asyncio.Semaphore(MOST_AT_ONCE)


@router.post("/items/{item_id}/photo")
async def upload_photo(item_id: UUID, place: ManagerHere, request: Request) -> Response:
    """Let a photo take the place of the dish's."""
    try:
        sent = await read_upload(request, "photo", most_bytes=MOST_PHOTO_BYTES)
        if sent is None:
            raise PhotoRefused(PhotoProblem.NO_PICTURE)
        async with _decoding:
            photo = await asyncio.to_thread(read_photo_file, sent.data)
        async with place.session() as session, session.begin():
            await set_photo(session, place.restaurant_id, item_id, photo, actor=place.actor)
    except (PhotoRefused, NotInMenu) as error:
        return await dish_again(place, item_id, error, field="photo", status=422)
    return place.back(f"/menu/items/{item_id}", said=_("Photo enregistrée."))


@router.post("/items/{item_id}/photo/remove")
async def take_photo_away(item_id: UUID, place: ManagerHere) -> Response:
    """Take the dish's photo away."""
    async with place.session() as session, session.begin():
        await remove_photo(session, place.restaurant_id, item_id, actor=place.actor)
    return place.back(f"/menu/items/{item_id}", said=_("Photo retirée."))


@router.get("/photos/{photo_id}/{size}.webp")
async def photo(photo_id: UUID, size: PhotoSize, place: StaffHere) -> Response:
    """Send the photo; browsers keep it."""
    async with place.session() as session:
        data = await read_photo(session, place.restaurant_id, photo_id, size)
    return Response(data, media_type="image/webp", headers={"Cache-Control": FOR_GOOD})
