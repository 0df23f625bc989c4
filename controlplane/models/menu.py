"""The menu: categories, items, option groups, options. Prices are in cents, VAT included.

Child keys are composite, so that no row can point into another tenant.
"""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, Instant, PrimaryKey


class Allergen(StrEnum):
    """The fourteen that must be declared (regulation (EU) 1169/2011, annex II), in its order."""

    GLUTEN = "gluten"
    CRUSTACEANS = "crustaceans"
    EGGS = "eggs"
    FISH = "fish"
    PEANUTS = "peanuts"
    SOYBEANS = "soybeans"
    MILK = "milk"
    NUTS = "nuts"
    CELERY = "celery"
    MUSTARD = "mustard"
    SESAME = "sesame"
    SULPHITES = "sulphites"
    LUPIN = "lupin"
    MOLLUSCS = "molluscs"


class MenuCategory(Base):
    """Items are read out and shown under their category, such as "Pizzas" or "Boissons", in the
    order of `position`.
    """

    __tablename__ = "menu_category"
    __table_args__ = (UniqueConstraint("restaurant_id", "id"),)

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    name: Mapped[str]
    position: Mapped[int]


class MenuItem(Base):
    """A dish or a drink that callers may order."""

    __tablename__ = "menu_item"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        ForeignKeyConstraint(
            ["restaurant_id", "category_id"],
            ["menu_category.restaurant_id", "menu_category.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint("price_cents >= 0", name="price_cents"),
        CheckConstraint("vat_rate_bp BETWEEN 0 AND 10000", name="vat_rate_bp"),
        CheckConstraint("NOT alcohol OR vat_rate_bp IN (850, 2000)", name="alcohol"),
        CheckConstraint("portions_left >= 0", name="portions_left"),
        CheckConstraint("kitchen_points BETWEEN 0 AND 99", name="kitchen_points"),
        CheckConstraint(
            f"allergens <@ ARRAY[{', '.join(repr(str(one)) for one in Allergen)}]",
            name="allergens",
        ),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID]
    category_id: Mapped[UUID]
    name: Mapped[str]
    spoken_name: Mapped[str]
    aliases: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    description: Mapped[str] = mapped_column(default="")
    price_cents: Mapped[int]
    vat_rate_bp: Mapped[int]
    """The rate is in basis points: 1000 for immediate consumption, 550 packaged for later, 2000
    alcohol."""
    position: Mapped[int]
    active: Mapped[bool] = mapped_column(default=True)
    sold_out_until: Mapped[Instant | None]
    portions_left: Mapped[int | None]
    """Orders take from it; at 0 the dish is sold out. None counts nothing."""
    allergens: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    """What the restaurant declared; None is unknown, which is not the same as none."""
    set_menu: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Its price is for several dishes together: the options that are dishes (`Option.item_id`)."""
    alcohol: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Alcohol is never at a reduced rate (CGI, art. 278; overseas art. 296: 8.5 %)."""
    station: Mapped[str] = mapped_column(default="", server_default=text("''"))
    """Where in the kitchen it is made, such as "four"; tickets are sorted by it."""
    kitchen_points: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    """What one of it is to the kitchen's load: 0 of a drink, 3 of what takes long."""


class OptionGroup(Base):
    """A choice that goes with items, such as "Pâte" or "Suppléments"."""

    __tablename__ = "option_group"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        CheckConstraint("0 <= min_select AND min_select <= max_select", name="select_range"),
        CheckConstraint("free_count BETWEEN 0 AND max_select", name="free_count"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    name: Mapped[str]
    min_select: Mapped[int]
    max_select: Mapped[int]
    free_count: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """So many of those chosen cost nothing."""
    position: Mapped[int]


class Option(Base):
    """One choice of a group, with what it adds to the price."""

    __tablename__ = "option"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        ForeignKeyConstraint(
            ["restaurant_id", "option_group_id"],
            ["option_group.restaurant_id", "option_group.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["restaurant_id", "item_id"],
            ["menu_item.restaurant_id", "menu_item.id"],
            ondelete="CASCADE",
        ),
        Index("ix_option_restaurant_id_item_id", "restaurant_id", "item_id"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID]
    option_group_id: Mapped[UUID]
    item_id: Mapped[UUID | None]
    """The dish that this option is: it is sold out with it, and has its VAT rate and allergens."""
    by_default: Mapped[bool] = mapped_column(default=False, server_default=false())
    """It goes with the dish unless its caller says otherwise."""
    name: Mapped[str]
    spoken_name: Mapped[str]
    aliases: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    price_delta_cents: Mapped[int]
    position: Mapped[int]
    sold_out_until: Mapped[Instant | None]


class ItemOptionGroup(Base):
    """Says which groups go with which item."""

    __tablename__ = "item_option_group"
    __table_args__ = (
        ForeignKeyConstraint(
            ["restaurant_id", "item_id"],
            ["menu_item.restaurant_id", "menu_item.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["restaurant_id", "option_group_id"],
            ["option_group.restaurant_id", "option_group.id"],
            ondelete="CASCADE",
        ),
    )

    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    option_group_id: Mapped[UUID] = mapped_column(primary_key=True)
