"""The menu that is worked on, as a route reads it and makes one change of it."""

from collections.abc import Callable

from controlplane.restaurants.menu_drafts import edit_menu, read_working_menu
from controlplane.restaurants.menu_edits import WorkingMenu
from webapp.place import Place


async def working_menu(place: Place) -> WorkingMenu:
    """Read the draft, or the published menu while there is none."""
    async with place.session() as session:
        return await read_working_menu(session, place.restaurant_id)


async def edit_working_menu(
    place: Place, edit: Callable[[WorkingMenu], WorkingMenu]
) -> WorkingMenu:
    """Make one change on the draft and commit it. Raises what `edit` raises."""
    async with place.session() as session, session.begin():
        return await edit_menu(session, place.restaurant_id, edit, actor=place.actor)
