"""Categories of the menu that is worked on.

They are named by a query parameter: a name may hold a slash.
"""

from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from controlplane.restaurants.menu_document import CategoryEntry
from controlplane.restaurants.menu_edits import (
    NEW,
    WorkingMenu,
    category_mark,
    move_category,
    put_category,
    remove_category,
)
from controlplane.restaurants.menu_errors import CategoryHasDishes, EntryChanged, NameTaken
from webapp.forms import Form
from webapp.menu.conflict import Difference, differences
from webapp.menu.forms import category_form, read_category
from webapp.menu.page import NameOf, menu_page_of
from webapp.menu.words import sentence
from webapp.menu.working import edit_working_menu, working_menu
from webapp.place import ManagerHere, Place
from webapp.words import _

router = APIRouter(prefix="/place/{restaurant_id}/menu", include_in_schema=False)


@router.get("/category")
async def category_page(place: ManagerHere, name: NameOf = "") -> HTMLResponse:
    """Show a category's form, or that of a new one."""
    menu = await working_menu(place)
    if not name:
        return _category(place, menu, Form(), name=name, seen=NEW)
    entry = menu.category(name)
    return _category(place, menu, category_form(entry), name=name, seen=category_mark(entry))


@router.post("/category")
async def save_category(place: ManagerHere, request: Request, name: NameOf = "") -> Response:
    """Put the category into the draft, or show the form again with what is wrong."""
    form = await Form.read(request)
    entry, seen = read_category(form), form.text("seen")
    conflict = None
    try:
        if entry is not None:
            await edit_working_menu(place, partial(put_category, name=name, entry=entry, seen=seen))
            said = _("« %(name)s » est dans le brouillon.", name=entry.name)
            return place.back("/menu", said=said)
    except NameTaken as error:
        form.fail("name", sentence(error))
    except EntryChanged as error:
        theirs = error.theirs if isinstance(error.theirs, CategoryEntry) else None
        conflict = differences(entry, theirs, without=("items",))
        name, seen = (name, category_mark(theirs)) if theirs else ("", NEW)
    status = 422 if conflict is None else 409
    menu = await working_menu(place)
    return _category(place, menu, form, name=name, seen=seen, conflict=conflict, status=status)


@router.post("/category/remove")
async def take_category_away(place: ManagerHere, name: NameOf) -> Response:
    """Take an empty category from the draft."""
    try:
        await edit_working_menu(place, partial(remove_category, name=name))
    except CategoryHasDishes as error:
        menu = await working_menu(place)
        entry = menu.category(name)
        form = category_form(entry)
        form.fail("", sentence(error))
        seen = category_mark(entry)
        return _category(place, menu, form, name=name, seen=seen, status=409)
    return place.back("/menu", said=_("Catégorie retirée du brouillon."))


@router.post("/category/move")
async def move_category_by_one(place: ManagerHere, request: Request, name: NameOf) -> Response:
    """Change places with the category before or after."""
    up = (await Form.read(request)).text("to") == "up"
    menu = await edit_working_menu(place, partial(move_category, name=name, up=up))
    names = [category.name for category in menu.document.categories]
    return place.back(f"/menu#c-{names.index(name) + 1}")


def _category(
    place: Place,
    menu: WorkingMenu,
    form: Form,
    *,
    name: str,
    seen: str,
    conflict: list[Difference] | None = None,
    status: int = 200,
) -> HTMLResponse:
    names = [each.name for each in menu.document.categories]
    return menu_page_of(
        place,
        "category.html",
        status=status,
        form=form,
        name=name,
        seen=seen,
        conflict=conflict,
        count=len(menu.category(name).items) if name in names else 0,
    )
