"""Groups of options of the menu that is worked on.

They are named by a query parameter: a name may hold a slash.
"""

from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from controlplane.restaurants.menu_document import GroupEntry
from controlplane.restaurants.menu_edits import (
    NEW,
    WorkingMenu,
    mark_of,
    put_group,
    remove_group,
)
from controlplane.restaurants.menu_errors import EntryChanged, NameTaken, NotInMenu
from webapp.forms import Form
from webapp.menu.conflict import Difference, differences
from webapp.menu.forms import MOST_OPTIONS, group_form, option_numbers, read_group
from webapp.menu.page import NameOf, menu_page_of
from webapp.menu.words import sentence
from webapp.menu.working import edit_working_menu, working_menu
from webapp.place import ManagerHere, Place
from webapp.words import _

router = APIRouter(prefix="/place/{restaurant_id}/menu", include_in_schema=False)


@router.get("/options")
async def group_page(place: ManagerHere, name: NameOf = "") -> HTMLResponse:
    """Show a group of options, or the form of a new one."""
    menu = await working_menu(place)
    if not name:
        form = Form(values={"min": "0", "max": "1", "free": "0"})
        return _group(place, menu, form, name=name, seen=NEW)
    entry = menu.group(name)
    return _group(place, menu, group_form(entry), name=name, seen=mark_of(entry))


@router.post("/options")
async def save_group(place: ManagerHere, request: Request, name: NameOf = "") -> Response:
    """Put the group into the draft, or show the form again with what is wrong."""
    form = await Form.read(request)
    if await _is_too_long(place, name):
        form.fail("", _too_long())
    entry, seen = read_group(form), form.text("seen")
    conflict = None
    try:
        if entry is not None:
            await edit_working_menu(place, partial(put_group, name=name, entry=entry, seen=seen))
            said = _("« %(name)s » est dans le brouillon.", name=entry.name)
            return place.back("/menu", said=said)
    except NameTaken as error:
        form.fail("name", sentence(error))
    except NotInMenu:
        form.fail("", _("Un choix doit porter le nom exact d’un plat de sa catégorie."))
    except EntryChanged as error:
        theirs = error.theirs if isinstance(error.theirs, GroupEntry) else None
        conflict = differences(entry, theirs)
        name, seen = (name, mark_of(theirs)) if theirs else ("", NEW)
    status = 422 if conflict is None else 409
    menu = await working_menu(place)
    return _group(place, menu, form, name=name, seen=seen, conflict=conflict, status=status)


@router.post("/options/remove")
async def take_group_away(place: ManagerHere, request: Request, name: NameOf) -> Response:
    """Take the group from the draft, and from the dishes that offer it."""
    seen = (await Form.read(request)).text("seen")
    try:
        await edit_working_menu(place, partial(remove_group, name=name, seen=seen))
    except EntryChanged as error:
        if not isinstance(error.theirs, GroupEntry):
            return place.back("/menu", said=_("Ce groupe était déjà retiré."))
        form = group_form(error.theirs)
        form.fail("", sentence(error))
        seen = mark_of(error.theirs)
        return _group(place, await working_menu(place), form, name=name, seen=seen, status=409)
    return place.back("/menu", said=_("Groupe d’options retiré du brouillon."))


async def _is_too_long(place: Place, name: str) -> bool:
    """Whether the form could not hold all of its options: saving it would drop some."""
    groups = (await working_menu(place)).document.option_groups
    return any(group.name == name and len(group.options) > MOST_OPTIONS for group in groups)


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
            ("", _("un simple choix")),
            *((each.name, each.name) for each in menu.document.categories),
        ],
    )


def _too_long() -> str:
    return _(
        "Ce groupe a plus de %(most)s choix. Changez-le par un fichier JSON importé.",
        most=MOST_OPTIONS,
    )
