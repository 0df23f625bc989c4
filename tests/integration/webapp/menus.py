"""Two menus of one restaurant: the published one, and the draft that changes it."""

from datetime import time
from typing import Final
from uuid import UUID

from sqlalchemy import select

from controlplane.models.menu import Allergen, MenuItem
from controlplane.restaurants.menu_document import (
    CategoryEntry,
    GroupEntry,
    ItemEntry,
    MenuDocument,
    OptionEntry,
    Weekday,
    WindowEntry,
)
from controlplane.restaurants.menu_drafts import read_working_menu, save_draft
from controlplane.restaurants.menu_versions import publish_menu
from tests.integration.webapp.site_under_test import SiteUnderTest

LUNCH: Final = WindowEntry(
    days=(Weekday.MONDAY, Weekday.TUESDAY), opens=time(11, 30), closes=time(14, 30)
)
DOUGH: Final = GroupEntry(
    name="Pâte",
    min=1,
    options=(OptionEntry(name="fine", default=True), OptionEntry(name="épaisse")),
)
EXTRAS: Final = GroupEntry(
    name="Suppléments",
    max=3,
    options=(
        OptionEntry(name="Œuf", price_delta_cents=100),
        OptionEntry(name="Jambon", price_delta_cents=200),
    ),
)
MILK: Final = (Allergen.GLUTEN, Allergen.MILK)


def dish(name: str, price_cents: int, **more: object) -> ItemEntry:
    return ItemEntry.model_validate({"name": name, "price_cents": price_cents, **more})


PUBLISHED: Final = MenuDocument(
    categories=(
        CategoryEntry(
            name="Pizzas",
            items=(
                dish(
                    "Margherita",
                    950,
                    description="Sauce tomate, mozzarella, basilic",
                    allergens=MILK,
                    ingredients=("pâte à pizza", "mozzarella"),
                    option_groups=("Pâte", "Suppléments"),
                ),
                dish(
                    "Quatre fromages",
                    1_250,
                    allergens=MILK,
                    ingredients=("pâte à pizza",),
                    option_groups=("Pâte",),
                ),
                dish("Quatre saisons", 1_250, ingredients=("pâte à pizza",)),
            ),
        ),
        CategoryEntry(
            name="Vins",
            items=(dish("Chianti", 1_900, vat_rate_bp=2_000, alcohol=True, kitchen_points=0),),
        ),
        CategoryEntry(
            name="Midi", available=(LUNCH,), items=(dish("Plat du jour", 1_150, allergens=()),)
        ),
    ),
    option_groups=(DOUGH, EXTRAS),
)


def dearer(document: MenuDocument, name: str, price_cents: int) -> MenuDocument:
    """The document with one dish at another price."""
    categories = tuple(
        category.model_copy(
            update={
                "items": tuple(
                    item.model_copy(update={"price_cents": price_cents})
                    if item.name == name
                    else item
                    for item in category.items
                )
            }
        )
        for category in document.categories
    )
    return document.model_copy(update={"categories": categories})


async def publish(site: SiteUnderTest, document: MenuDocument = PUBLISHED) -> None:
    actor = f"user:{site.users['owner']}"
    async with site.session() as session, session.begin():
        await publish_menu(session, site.restaurant, document, source="carte.csv", actor=actor)


async def draft(site: SiteUnderTest, document: MenuDocument) -> None:
    async with site.session() as session, session.begin():
        over = (await read_working_menu(session, site.restaurant)).revision
        await save_draft(session, site.restaurant, document, over=over, source="saisie")


async def dish_id(site: SiteUnderTest, name: str) -> UUID:
    """The id of a dish as the draft knows it, published or not."""
    async with site.session() as session:
        menu = await read_working_menu(session, site.restaurant)
    return next(known for known, place in menu.dish_ids.items() if place[1] == name)


async def told_price(site: SiteUnderTest, name: str) -> int | None:
    """What callers are told that a dish costs."""
    async with site.session() as session:
        price: int | None = await session.scalar(
            select(MenuItem.price_cents).where(
                MenuItem.restaurant_id == site.restaurant, MenuItem.name == name
            )
        )
    return price
