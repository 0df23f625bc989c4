"""The menu: what is on it, what of it goes wrong on the telephone, and what is not published yet.

Who may edit it sees the draft; everybody else the menu that callers are told.
"""

from datetime import UTC, datetime

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from controlplane.models.membership import Role
from controlplane.restaurants.menu_changes import Change, changes_between
from controlplane.restaurants.menu_drafts import read_working_menu
from controlplane.restaurants.menu_edits import WorkingMenu
from controlplane.restaurants.menu_errors import UnreadableMenuVersion
from controlplane.restaurants.menu_import import moves
from controlplane.restaurants.menu_rows import read_document, read_with_ids
from controlplane.restaurants.menu_sold_out import OnSale
from controlplane.restaurants.voice_lint.findings import Severity
from webapp.menu.cards import category_cards, findings_of, links_of
from webapp.menu.page import menu_page_of
from webapp.menu.queries import read_stock, read_versions
from webapp.place import ManagerHere, Place, StaffHere

SHOWN_VERSIONS = 3

router = APIRouter(prefix="/place/{restaurant_id}/menu", include_in_schema=False)


@router.get("")
async def menu_page(place: StaffHere) -> Response:
    """Show every category with its dishes; a draft that cannot be read any more is told of."""
    try:
        return await _menu_page(place)
    except UnreadableMenuVersion:
        return place.back("/menu/publish")


async def _menu_page(place: Place) -> HTMLResponse:
    edits = place.may(Role.MANAGER)
    now = datetime.now(UTC)
    async with place.session() as session:
        menu = (
            await read_working_menu(session, place.restaurant_id)
            if edits
            else WorkingMenu(*await read_with_ids(session, place.restaurant_id))
        )
        stock = await read_stock(session, place.restaurant_id, now)
        versions = await read_versions(session, place.restaurant_id, limit=SHOWN_VERSIONS)
    dishes = stock[OnSale.DISH]
    published = {dish_id: (each.owner, each.name) for dish_id, each in dishes.items()}
    changes: tuple[Change, ...] = ()
    if menu.begun_from is not None:
        moved = moves(published, menu.dish_ids)
        changes = changes_between(menu.begun_from, menu.document, moved=moved)
    findings = await findings_of(menu.document) if edits else ()
    return menu_page_of(
        place,
        "menu.html",
        edits=edits,
        categories=category_cards(menu, dishes, changes, findings),
        changes=changes,
        has_draft=menu.revision > 0,
        findings=findings,
        links=links_of(menu.document, menu.dish_ids),
        errors=sum(each.severity is Severity.ERROR for each in findings),
        ingredients=list(stock[OnSale.INGREDIENT].values()),
        options=list(stock[OnSale.OPTION].values()),
        option_groups=menu.document.option_groups,
        versions=versions,
        now=now.astimezone(place.zone),
    )


@router.get("/print")
async def menu_to_print(place: ManagerHere) -> HTMLResponse:
    """Show the menu that callers are told, as paper has it."""
    async with place.session() as session:
        document = await read_document(session, place.restaurant_id)
    today = datetime.now(place.zone).date()
    return menu_page_of(place, "print.html", document=document, today=today)


@router.get("/carte.json")
async def menu_file(place: ManagerHere) -> Response:
    """Send the menu that callers are told as the file that an import takes back whole."""
    async with place.session() as session:
        document = await read_document(session, place.restaurant_id)
    headers = {"Content-Disposition": 'attachment; filename="carte.json"'}
    content = document.model_dump_json(indent=2)
    return Response(content, media_type="application/json", headers=headers)
