"""A whole menu as one document: what an import reads, what is linted, what is written to the rows.

docs/menu-format.md describes its JSON for whoever writes such files. Pure. Money is integer cents,
VAT included; VAT rates are basis points.
"""

import re
import unicodedata
from datetime import time
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from controlplane.contracts.opening import OpeningWindow
from controlplane.models.menu import Allergen
from controlplane.restaurants.calendar_words import written_week
from controlplane.restaurants.menu_words import Words, words_of

LONGEST_NAME: Final = 120
"""A name is said aloud and shown on one line of a ticket; longer ones are descriptions."""
LONGEST_DESCRIPTION: Final = 1_000
MOST_ALIASES: Final = 30
HIGHEST_PRICE_CENTS: Final = 1_000_000
"""10 000 €: no dish costs more, and a price typed without its comma is found."""
MOST_ITEMS: Final = 2_000
"""Large delivery menus have 300 dishes; a file with more than this is none of a menu."""
MOST_CHOICES: Final = 99
MOST_WINDOWS: Final = 28
"""Four a day are more than any kitchen has services."""
ALCOHOL_RATES_BP: Final = (2_000, 850)
"""Alcohol is never at a reduced rate (CGI, art. 278; overseas art. 296)."""

_BROKEN_ACCENT: Final = re.compile(
    "\ufffd|[\u00c2\u00c3][\u0080-\u00bf\u2018-\u201d\u2020-\u203a]|â€|â‚¬"
)
"""What is left of "é" or "’" that were read in the wrong encoding: "Ã©", "â€™"."""


def _readable(text: str) -> str:
    """The text in NFC. Raises `ValueError` when no page, voice or table could take it."""
    if _BROKEN_ACCENT.search(text):
        raise ValueError("des accents sont abîmés : enregistrez à nouveau le fichier en UTF-8")
    if any(unicodedata.category(char) in ("Cc", "Cs", "Cn", "Co") for char in text):
        raise ValueError("contient un caractère invisible : retapez ce texte")
    return unicodedata.normalize("NFC", text)


_READABLE = AfterValidator(_readable)
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NAME),
    _READABLE,
]
Aliases = Annotated[tuple[Name, ...], Field(max_length=MOST_ALIASES)]
SpokenName = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=LONGEST_NAME), _READABLE
]
Description = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=LONGEST_DESCRIPTION), _READABLE
]
Count = Annotated[int, Field(ge=0, le=MOST_CHOICES, strict=True)]


class _Part(BaseModel):
    """A part is immutable, and an unknown key is an error: nothing that was written is ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


DishWords = tuple[Words, Words]
"""The words of a category's name and of a dish's in it."""


def dish_words(category: str, name: str) -> DishWords:
    return words_of(category, accents=True), words_of(name, accents=True)


class Weekday(StrEnum):
    """The days of the week in their order, Monday first."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


WEEK: Final = tuple(Weekday)


class WindowEntry(_Part):
    """It may be had on these days from `opens` to `closes`, past midnight when `closes` is not
    after `opens`; the restaurant's wall time.
    """

    days: tuple[Weekday, ...] = Field(default=WEEK, min_length=1)
    opens: time
    closes: time

    @model_validator(mode="after")
    def _wall_time(self) -> Self:
        if self.opens.tzinfo or self.closes.tzinfo:
            raise ValueError("écrivez une heure du restaurant, sans fuseau : 11:30")
        return self

    def weekly(self) -> list[OpeningWindow]:
        """One window a day."""
        return [
            OpeningWindow(weekday=WEEK.index(day), opens=self.opens, closes=self.closes)
            for day in self.days
        ]

    def __str__(self) -> str:
        return written_week(self.weekly())


Windows = Annotated[tuple[WindowEntry, ...], Field(max_length=MOST_WINDOWS)]
"""Without a window it may always be had."""


class OptionEntry(_Part):
    """One choice of a group, with what it adds to the price (less than 0: takes off)."""

    name: Name
    spoken_name: SpokenName = ""
    aliases: Aliases = ()
    price_delta_cents: int = Field(
        default=0, ge=-HIGHEST_PRICE_CENTS, le=HIGHEST_PRICE_CENTS, strict=True
    )
    default: bool = Field(default=False, strict=True)
    """It goes with the dish unless its caller says otherwise."""
    category: SpokenName = ""
    """The option is the dish of its name in this category; empty: it is none of the menu's."""

    @property
    def dish(self) -> DishWords:
        """Which dish it is, however it is written."""
        return dish_words(self.category, self.name)


class GroupEntry(_Part):
    """Between `min` and `max` of these options go with each item that names the group."""

    name: Name
    min: Count = 0
    max: Count = 1
    free: Count = 0
    """So many of those chosen, the dearest, cost nothing."""
    options: tuple[OptionEntry, ...] = Field(default=(), max_length=MOST_ITEMS)

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.min > self.max:
            raise ValueError("le minimum dépasse le maximum")
        if self.free > self.max:
            raise ValueError("le nombre d'options gratuites dépasse le maximum")
        if sum(option.default for option in self.options) > self.max:
            raise ValueError("il y a plus d'options par défaut que le maximum")
        return self


class ItemEntry(_Part):
    """A dish or a drink; `option_groups` names groups of the same document."""

    name: Name
    spoken_name: SpokenName = ""
    aliases: Aliases = ()
    description: Description = ""
    price_cents: int = Field(ge=0, le=HIGHEST_PRICE_CENTS, strict=True)
    vat_rate_bp: int = Field(default=1_000, ge=0, le=10_000, strict=True)
    active: bool = True
    allergens: tuple[Allergen, ...] | None = None
    """None is unknown; an empty list says that none of the fourteen is in it."""
    alcohol: bool = Field(default=False, strict=True)
    set_menu: bool = Field(default=False, strict=True)
    """Its price is for the dishes that are chosen as its options."""
    station: SpokenName = ""
    kitchen_points: Count = 1
    """What one of it is to the kitchen's load: 0 of a drink, 3 of what takes long."""
    ingredients: tuple[Name, ...] = Field(default=(), max_length=MOST_ALIASES)
    """Without one of these the dish cannot be made: it is sold out when one of them is."""
    option_groups: tuple[Name, ...] = ()
    available: Windows = ()

    @model_validator(mode="after")
    def _alcohol_rate(self) -> Self:
        if self.alcohol and self.vat_rate_bp not in ALCOHOL_RATES_BP:
            raise ValueError("l'alcool est toujours à 20 % de TVA (8,5 % outre-mer)")
        return self

    @property
    def said(self) -> str:
        """What a caller hears."""
        return self.spoken_name or self.name


class CategoryEntry(_Part):
    """Items are read out and shown under their category, in this order."""

    name: Name
    available: Windows = ()
    items: tuple[ItemEntry, ...] = Field(default=(), max_length=MOST_ITEMS)


class MenuDocument(_Part):
    """A menu with everything in it, in its order; options of one name are two groups' business."""

    categories: tuple[CategoryEntry, ...] = Field(default=(), max_length=MOST_ITEMS)
    option_groups: tuple[GroupEntry, ...] = Field(default=(), max_length=MOST_ITEMS)

    def placed_items(self) -> list[tuple[str, ItemEntry]]:
        """Every item with its category's name, in the menu's order."""
        return [(category.name, item) for category in self.categories for item in category.items]

    def dishes(self) -> dict[DishWords, ItemEntry]:
        """Every item by its category's words and its own, as `OptionEntry.dish` names it."""
        return {dish_words(category, item.name): item for category, item in self.placed_items()}

    def unknown_components(self) -> list[tuple[GroupEntry, OptionEntry]]:
        """Options that name a category in which no dish is called as they are."""
        known = self.dishes()
        return [
            (group, option)
            for group in self.option_groups
            for option in group.options
            if option.category and option.dish not in known
        ]

    def ingredients(self) -> list[str]:
        """Every ingredient once, as it is written first."""
        first: dict[Words, str] = {}
        for _, item in self.placed_items():
            for name in item.ingredients:
                first.setdefault(words_of(name, accents=True), name)
        return list(first.values())
