"""What the menu's pages show beside the menu itself: what has run out, photos, who published."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import String, cast, false, func, literal, null, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.audit_entry import AuditEntry
from controlplane.models.ingredient import Ingredient, ItemIngredient
from controlplane.models.menu import MenuCategory, MenuItem, Option, OptionGroup
from controlplane.models.menu_photo import MenuPhoto
from controlplane.models.menu_version import MenuVersion
from controlplane.models.user_account import UserAccount
from controlplane.restaurants.menu_sold_out import OnSale


@dataclass(frozen=True, slots=True)
class Stock:
    """Whether one thing may be had now, and what of it is kept by its id."""

    id: UUID
    name: str
    owner: str
    """The category of a dish, the group of an option."""
    sold_out: bool
    """By itself, for as long as somebody said."""
    portions_left: int | None
    photo_id: UUID | None
    lacks: tuple[str, ...]
    """The ingredients it needs that have run out."""

    @property
    def is_out(self) -> bool:
        return self.sold_out or self.portions_left == 0 or bool(self.lacks)


async def read_stock(
    session: AsyncSession, restaurant_id: UUID, now: datetime
) -> Mapping[OnSale, Mapping[UUID, Stock]]:
    """Everything on the published menu by its id, in one query; in the order of names."""
    lacks = func.array(
        select(Ingredient.name)
        .join(ItemIngredient, ItemIngredient.ingredient_id == Ingredient.id)
        .where(
            ItemIngredient.restaurant_id == MenuItem.restaurant_id,
            ItemIngredient.item_id == MenuItem.id,
            Ingredient.sold_out_until > now,
        )
        .correlate(MenuItem)
        .scalar_subquery()
    )
    nothing = func.array(select(Ingredient.name).where(false()).scalar_subquery())
    dishes = (
        select(
            literal(OnSale.DISH.value).label("kind"),
            MenuItem.id,
            MenuItem.name,
            MenuCategory.name.label("owner"),
            MenuItem.sold_out_until,
            MenuItem.portions_left,
            MenuPhoto.id.label("photo_id"),
            lacks.label("lacks"),
        )
        .join(MenuCategory, MenuCategory.id == MenuItem.category_id)
        .outerjoin(MenuPhoto, MenuPhoto.item_id == MenuItem.id)
        .where(MenuItem.restaurant_id == restaurant_id)
    )
    options = (
        select(
            literal(OnSale.OPTION.value),
            Option.id,
            Option.name,
            OptionGroup.name,
            Option.sold_out_until,
            null(),
            null(),
            nothing,
        )
        .join(OptionGroup, OptionGroup.id == Option.option_group_id)
        .where(Option.restaurant_id == restaurant_id, Option.item_id.is_(None))
    )
    ingredients = select(
        literal(OnSale.INGREDIENT.value),
        Ingredient.id,
        Ingredient.name,
        literal(""),
        Ingredient.sold_out_until,
        null(),
        null(),
        nothing,
    ).where(Ingredient.restaurant_id == restaurant_id)
    rows = await session.execute(union_all(dishes, options, ingredients).order_by("owner", "name"))
    found: dict[OnSale, dict[UUID, Stock]] = {kind: {} for kind in OnSale}
    for row in rows:
        found[OnSale(row.kind)][row.id] = Stock(
            id=row.id,
            name=row.name,
            owner=row.owner,
            sold_out=row.sold_out_until is not None and row.sold_out_until > now,
            portions_left=row.portions_left,
            photo_id=row.photo_id,
            lacks=tuple(row.lacks),
        )
    return found


@dataclass(frozen=True, slots=True)
class Version:
    """A published menu, as a list shows it."""

    number: int
    published_at: datetime
    source: str
    by: str | None
    """The name of who published it on the site."""


async def read_versions(session: AsyncSession, restaurant_id: UUID, *, limit: int) -> list[Version]:
    """The newest versions first, without their documents."""
    publisher = (
        select(UserAccount.name)
        .join(AuditEntry, AuditEntry.actor == "user:" + cast(UserAccount.id, String))
        .where(
            AuditEntry.restaurant_id == MenuVersion.restaurant_id,
            AuditEntry.action == "publish_menu",
            AuditEntry.object == "menu_version:" + cast(MenuVersion.number, String),
        )
        .correlate(MenuVersion)
        .limit(1)
        .scalar_subquery()
    )
    rows = await session.execute(
        select(MenuVersion.number, MenuVersion.published_at, MenuVersion.source, publisher)
        .where(MenuVersion.restaurant_id == restaurant_id)
        .order_by(MenuVersion.number.desc())
        .limit(limit)
    )
    return [Version(*row) for row in rows]


async def read_dish_stock(
    session: AsyncSession, restaurant_id: UUID, item_id: UUID
) -> Stock | None:
    """What there is of one dish; None until it is published."""
    stock = await read_stock(session, restaurant_id, datetime.now(UTC))
    return stock[OnSale.DISH].get(item_id)
