"""Categories and groups of options of the menu that is worked on.

Both are named by a query parameter: a name may hold a slash.
"""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from controlplane.restaurants.menu_document import CategoryEntry, GroupEntry
from controlplane.restaurants.menu_drafts import edit_menu, read_working_menu
from controlplane.restaurants.menu_edits import (
    NEW,
    WorkingMenu,
    category_mark,
    mark_of,
    move_category,
    put_category,
    put_group,
    remove_category,
    remove_group,
)
from controlplane.restaurants.menu_errors import (
    CategoryHasDishes,
    EntryChanged,
    NameTaken,
    NotInMenu,
)
from webapp.forms import Form
from webapp.menu.conflict import Difference, differences
from webapp.menu.forms import (
    category_form,
    group_form,
    option_numbers,
    read_category,
    read_group,
)
from webapp.menu.page import menu_page_of
from webapp.menu.words import sentence
from webapp.place import ManagerHere, Place
from webapp.words import _

router = APIRouter(prefix="/place/{restaurant_id}/menu", include_in_schema=False)

NameOf = Annotated[str, Query(max_length=200)]
"""Empty: the one that is added."""


@router.get("/category")
async def category_page(place: ManagerHere, name: NameOf = "") -> HTMLResponse:
    """Show a category's form, or that of a new one."""
    menu = await _menu(place)
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
            await _edit(place, partial(put_category, name=name, entry=entry, seen=seen))
            said = _("« %(name)s » est dans le brouillon.", name=entry.name)
            return place.back("/menu", said=said)
    except NameTaken as error:
        form.fail("name", sentence(error))
    except EntryChanged as error:
        theirs = error.theirs if isinstance(error.theirs, CategoryEntry) else None
        conflict = _conflict(entry, theirs, without=("items",))
        name, seen = (name, category_mark(theirs)) if theirs else ("", NEW)
    status = 422 if conflict is None else 409
    menu = await _menu(place)
    return _category(place, menu, form, name=name, seen=seen, conflict=conflict, status=status)


@router.post("/category/remove")
async def take_category_away(place: ManagerHere, name: NameOf) -> Response:
    """Take an empty category from the draft."""
    try:
        await _edit(place, partial(remove_category, name=name))
    except CategoryHasDishes as error:
        menu = await _menu(place)
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
    menu = await _edit(place, partial(move_category, name=name, up=up))
    names = [category.name for category in menu.document.categories]
    return place.back(f"/menu#c-{names.index(name) + 1}")


@router.get("/options")
async def group_page(place: ManagerHere, name: NameOf = "") -> HTMLResponse:
    """Show a group of options, or the form of a new one."""
    menu = await _menu(place)
    if not name:
        form = Form(values={"min": "0", "max": "1", "free": "0"})
        return _group(place, menu, form, name=name, seen=NEW)
    entry = menu.group(name)
    return _group(place, menu, group_form(entry), name=name, seen=mark_of(entry))


@router.post("/options")
async def save_group(place: ManagerHere, request: Request, name: NameOf = "") -> Response:
    """Put the group into the draft, or show the form again with what is wrong."""
    form = await Form.read(request)
    entry, seen = read_group(form), form.text("seen")
    conflict = None
    try:
        if entry is not None:
            await _edit(place, partial(put_group, name=name, entry=entry, seen=seen))
            said = _("« %(name)s » est dans le brouillon.", name=entry.name)
            return place.back("/menu", said=said)
    except NameTaken as error:
        form.fail("name", sentence(error))
    except NotInMenu:
        form.fail("", _("Un choix doit porter le nom exact d’un plat de sa catégorie."))
    except EntryChanged as error:
        theirs = error.theirs if isinstance(error.theirs, GroupEntry) else None
        conflict = _conflict(entry, theirs)
        name, seen = (name, mark_of(theirs)) if theirs else ("", NEW)
    status = 422 if conflict is None else 409
    menu = await _menu(place)
    return _group(place, menu, form, name=name, seen=seen, conflict=conflict, status=status)


@router.post("/options/remove")
async def take_group_away(place: ManagerHere, request: Request, name: NameOf) -> Response:
    """Take the group from the draft, and from the dishes that offer it."""
    seen = (await Form.read(request)).text("seen")
    try:
        await _edit(place, partial(remove_group, name=name, seen=seen))
    except EntryChanged as error:
        if not isinstance(error.theirs, GroupEntry):
            return place.back("/menu", said=_("Ce groupe était déjà retiré."))
        form = group_form(error.theirs)
        form.fail("", _("Quelqu’un vient de changer ce groupe. Relisez-le avant de le retirer."))
        seen = mark_of(error.theirs)
        return _group(place, await _menu(place), form, name=name, seen=seen, status=409)
    return place.back("/menu", said=_("Groupe d’options retiré du brouillon."))


async def _menu(place: Place) -> WorkingMenu:
    async with place.session() as session:
        return await read_working_menu(session, place.restaurant_id)


async def _edit(place: Place, edit: "partial[WorkingMenu]") -> WorkingMenu:
    async with place.session() as session, session.begin():
        return await edit_menu(session, place.restaurant_id, edit, actor=place.actor)


def _conflict(
    mine: CategoryEntry | GroupEntry | None,
    theirs: CategoryEntry | GroupEntry | None,
    *,
    without: tuple[str, ...] = (),
) -> list[Difference]:
    assert mine is not None, "only what could be read was held against theirs"
    fields = {name: value for name, value in mine if name not in without}
    return differences(fields, None if theirs is None else dict(theirs))


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


def _group(
    place: Place,
    menu: WorkingMenu,
    form: Form,
    *,
    name: str,
    seen: str,
    conflict: list[Difference] | None = None,
    status: int = 200,
) -> HTMLResponse:
    users = [item.name for _, item in menu.document.placed_items() if name in item.option_groups]
    return menu_page_of(
        place,
        "group.html",
        status=status,
        form=form,
        name=name,
        seen=seen,
        conflict=conflict,
        numbers=option_numbers(form),
        users=users,
        categories=[
            ("", _none()),
            *((each.name, each.name) for each in menu.document.categories),
        ],
    )


def _none() -> str:
    return _("un simple choix")
