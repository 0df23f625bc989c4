"""One dish of the menu that is worked on: its form, its place, its photo, what is left of it."""

from dataclasses import replace
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from controlplane.contracts.identifiers import new_id
from controlplane.models.menu import Allergen
from controlplane.restaurants.menu_document import ItemEntry
from controlplane.restaurants.menu_drafts import read_working_menu
from controlplane.restaurants.menu_edits import (
    NEW,
    PlacedDish,
    WorkingMenu,
    move_dish,
    put_dish,
    remove_dish,
)
from controlplane.restaurants.menu_errors import DishOffered, EntryChanged, NameTaken, NotInMenu
from webapp.forms import Form, read_whole
from webapp.menu.conflict import Difference, differences
from webapp.menu.forms import dish_form, read_dish
from webapp.menu.page import menu_page_of
from webapp.menu.queries import Stock, read_dish_stock
from webapp.menu.words import ALLERGENS, RATES, sentence
from webapp.menu.working import edit_working_menu, working_menu
from webapp.place import ManagerHere, Place
from webapp.words import _

router = APIRouter(prefix="/place/{restaurant_id}/menu", include_in_schema=False)


@router.get("/items/new")
async def new_dish(
    place: ManagerHere, category: Annotated[str, Query(max_length=200)] = ""
) -> HTMLResponse:
    """Show the form of a dish that is not there yet."""
    menu = await working_menu(place)
    form = dish_form(PlacedDish(category, ItemEntry.model_construct(name="", price_cents=0)))
    form = replace(form, values={**form.values, "price": ""})
    return _page(place, menu, form, seen=NEW)


@router.post("/items/new")
async def add_dish(place: ManagerHere, request: Request) -> Response:
    return await _save(place, request, new_id())


@router.get("/items/{item_id}")
async def dish_page(item_id: UUID, place: ManagerHere) -> HTMLResponse:
    """Show the form of a dish, as the draft has it."""
    async with place.session() as session:
        menu = await read_working_menu(session, place.restaurant_id)
        stock = await read_dish_stock(session, place.restaurant_id, item_id)
    dish = menu.dish(item_id)
    return _page(place, menu, dish_form(dish), dish_id=item_id, seen=dish.mark, stock=stock)


@router.post("/items/{item_id}")
async def save_dish(item_id: UUID, place: ManagerHere, request: Request) -> Response:
    return await _save(place, request, item_id)


@router.post("/items/{item_id}/remove")
async def take_dish_away(item_id: UUID, place: ManagerHere, request: Request) -> Response:
    """Take the dish from the draft; callers are offered it until the draft is published."""
    form = await Form.read(request)
    try:
        await edit_working_menu(
            place, partial(remove_dish, dish_id=item_id, seen=form.text("seen"))
        )
    except (DishOffered, EntryChanged) as error:
        return await dish_again(place, item_id, error)
    return place.back("/menu", said=_("Retiré du brouillon. Publiez pour que l’IA le sache."))


@router.post("/items/{item_id}/move")
async def move_dish_by_one(item_id: UUID, place: ManagerHere, request: Request) -> Response:
    """Change places with the dish before or after."""
    up = (await Form.read(request)).text("to") == "up"
    menu = await edit_working_menu(place, partial(move_dish, dish_id=item_id, up=up))
    names = [category.name for category in menu.document.categories]
    at = names.index(menu.dish(item_id).category) + 1
    return place.back(f"/menu#c-{at}")


async def _save(place: Place, request: Request, dish_id: UUID) -> Response:
    """Put what was typed into the draft, or show it again with what is wrong."""
    form = await Form.read(request)
    seen = form.text("seen")
    dish = read_dish(form)
    try:
        if dish is not None:
            await edit_working_menu(place, partial(put_dish, dish_id=dish_id, dish=dish, seen=seen))
            said = _("« %(name)s » est dans le brouillon.", name=dish.entry.name)
            return place.back("/menu", said=said)
    except NameTaken as error:
        form.fail("name", sentence(error))
    except NotInMenu as error:
        form.fail("category", sentence(error))
    except EntryChanged as error:
        return await _conflict(place, form, dish_id, mine=dish, theirs=error.theirs)
    async with place.session() as session:
        menu = await read_working_menu(session, place.restaurant_id)
        stock = await read_dish_stock(session, place.restaurant_id, dish_id)
    known = dish_id if seen != NEW else None
    return _page(place, menu, form, dish_id=known, seen=seen, stock=stock, status=422)


async def _conflict(
    place: Place, form: Form, dish_id: UUID, *, mine: PlacedDish | None, theirs: object
) -> HTMLResponse:
    """Show both versions; what was typed stays in the form, to be kept by one button."""
    assert mine is not None, "only what could be read was held against theirs"
    async with place.session() as session:
        menu = await read_working_menu(session, place.restaurant_id)
        stock = await read_dish_stock(session, place.restaurant_id, dish_id)
    other = theirs if isinstance(theirs, PlacedDish) else None
    return _page(
        place,
        menu,
        form,
        dish_id=dish_id,
        seen=other.mark if other else NEW,
        stock=stock,
        conflict=differences(
            mine.entry,
            other.entry if other else None,
            owners=(mine.category, other.category if other else ""),
        ),
        status=409,
    )


async def dish_again(
    place: Place, dish_id: UUID, error: Exception, *, field: str = "", status: int = 409
) -> Response:
    """Show the dish as it is now, and what was refused."""
    async with place.session() as session:
        menu = await read_working_menu(session, place.restaurant_id)
        stock = await read_dish_stock(session, place.restaurant_id, dish_id)
    if dish_id not in menu.dish_ids:
        return place.back("/menu", said=_("Ce plat était déjà retiré."))
    dish = menu.dish(dish_id)
    form = dish_form(dish)
    form.fail(field, sentence(error))
    return _page(place, menu, form, dish_id=dish_id, seen=dish.mark, stock=stock, status=status)


def _page(
    place: Place,
    menu: WorkingMenu,
    form: Form,
    *,
    seen: str,
    dish_id: UUID | None = None,
    stock: Stock | None = None,
    conflict: list[Difference] | None = None,
    status: int = 200,
) -> HTMLResponse:
    return menu_page_of(
        place,
        "dish.html",
        status=status,
        form=form,
        dish_id=dish_id,
        seen=seen,
        stock=stock,
        conflict=conflict,
        categories=[(each.name, each.name) for each in menu.document.categories],
        option_groups=menu.document.option_groups,
        rates=_rates(form.text("vat")),
        allergens=[(each.value, _(ALLERGENS[each])) for each in Allergen],
    )


def _rates(chosen: str) -> list[tuple[str, str]]:
    """The usual rates, and the dish's own when it is another, such as Corsica's 13 %."""
    rates = [(str(rate), _(words)) for rate, words in RATES.items()]
    rate = read_whole(chosen)
    if rate is not None and rate not in RATES:
        rates.append((chosen, f"{rate / 100:g} %".replace(".", ",")))
    return rates
