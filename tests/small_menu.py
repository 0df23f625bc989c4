"""A small menu: two groups of options, a dish that is sold out, names that are near each other."""

from datetime import time
from uuid import UUID, uuid5

from controlplane.contracts.opening import OpeningWindow
from controlplane.contracts.restaurant_config import (
    MenuItem,
    Option,
    OptionGroup,
    RestaurantConfig,
)

RESTAURANT = UUID("0199f000-be11-7a00-8a00-00000000c0de")


def option(name: str, *, delta: int = 0, sold_out: bool = False) -> Option:
    return Option(
        id=uuid5(RESTAURANT, f"option {name}"),
        name=name,
        spoken_name=name,
        price_delta_cents=delta,
        sold_out=sold_out,
    )


DOUGH = OptionGroup(
    id=uuid5(RESTAURANT, "Pâte"),
    name="Pâte",
    min_select=1,
    max_select=1,
    options=(option("fine"), option("épaisse"), option("sans gluten", sold_out=True)),
)
EXTRAS = OptionGroup(
    id=uuid5(RESTAURANT, "Suppléments"),
    name="Suppléments",
    min_select=0,
    max_select=2,
    options=(
        option("mozzarella", delta=150),
        option("œuf", delta=100),
        option("jambon", delta=200),
    ),
)


def dish(
    name: str,
    price_cents: int,
    *,
    category: str = "Pizzas",
    groups: tuple[OptionGroup, ...] = (),
    aliases: tuple[str, ...] = (),
    sold_out: bool = False,
) -> MenuItem:
    return MenuItem(
        id=uuid5(RESTAURANT, name),
        name=name,
        spoken_name=name,
        aliases=aliases,
        category=category,
        price_cents=price_cents,
        vat_rate_bp=1_000,
        sold_out=sold_out,
        option_groups=groups,
    )


MARGHERITA = dish("Margherita", 950, groups=(DOUGH, EXTRAS), aliases=("marguerite",))
CHEESES = dish("Quatre fromages", 1_250)
CALZONE = dish("Calzone", 1_150, sold_out=True)
COLA = dish("Coca-Cola 33 cl", 300, category="Boissons", aliases=("coca", "coca cola"))
COLA_ZERO = dish("Coca-Cola Zéro 33 cl", 300, category="Boissons", aliases=("coca zéro",))
WATER = dish("Eau plate", 250, category="Boissons")

AROUND_THE_CLOCK = tuple(
    OpeningWindow(weekday=day, opens=time(0), closes=time(0)) for day in range(7)
)
CONFIG = RestaurantConfig(
    id=RESTAURANT,
    slug="test",
    name="Chez Test",
    spoken_name="Chez Test",
    address="1 rue du Test, Paris",
    timezone="Europe/Paris",
    phone_e164="+33199001234",
    preparation_minutes=20,
    voice="marin",
    realtime_model="gpt-realtime-2.1-mini",
    menu=(MARGHERITA, CHEESES, CALZONE, COLA, COLA_ZERO, WATER),
    opening=AROUND_THE_CLOCK,
)
