"""A thousand restaurants of 300 dishes each, for measuring what a large database costs."""

from collections.abc import Iterator, Mapping
from datetime import time
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, insert, text

from controlplane.contracts.restaurant_config import RestaurantStatus
from controlplane.database import sync_engine
from controlplane.models.base import Base
from controlplane.models.menu import ItemOptionGroup, MenuCategory, MenuItem, Option, OptionGroup
from controlplane.models.opening_rule import OpeningRule
from controlplane.models.restaurant import Restaurant

RESTAURANTS: Final = 1_000
DISHES: Final = 300
CATEGORIES: Final = 10
GROUPS: Final = 5
CHOICES: Final = 8
GROUPS_OF_A_DISH: Final = 2

Row = Mapping[str, Any]


def seed_restaurants(database_url: str, *, restaurants: int = RESTAURANTS) -> list[UUID]:
    """Write them and return their ids."""
    engine = sync_engine(database_url, application_name="seed", pool_size=1)
    restaurant_ids = [uuid4() for _ in range(restaurants)]
    try:
        for number, restaurant_id in enumerate(restaurant_ids):
            with engine.begin() as connection:
                _write(connection, number, restaurant_id)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SET statement_timeout = '5min'"))
            connection.execute(text("VACUUM ANALYZE"))
    finally:
        engine.dispose()
    return restaurant_ids


def _write(connection: Connection, number: int, restaurant_id: UUID) -> None:
    rows: dict[type[Base], list[Row]] = {}
    for model, row in _rows(number, restaurant_id):
        rows.setdefault(model, []).append(row)
    for model, of_it in rows.items():
        connection.execute(insert(model), of_it)


def _rows(number: int, restaurant_id: UUID) -> Iterator[tuple[type[Base], Row]]:
    yield (
        Restaurant,
        {
            "id": restaurant_id,
            "slug": f"restaurant-{number}",
            "name": f"Restaurant {number}",
            "spoken_name": f"le restaurant {number}",
            "address": f"{number} rue des Oliviers, 69002 Lyon",
            "phone_e164": f"+331990{number:05}",
            "status": RestaurantStatus.LIVE,
        },
    )
    tenant = {"restaurant_id": restaurant_id}
    for weekday in range(7):
        hours = {"weekday": weekday, "opens": time(11, 30), "closes": time(14, 30)}
        yield OpeningRule, {**tenant, "id": uuid4(), **hours}
    group_ids = [uuid4() for _ in range(GROUPS)]
    yield from _groups(tenant, group_ids)
    yield from _dishes(tenant, group_ids[:GROUPS_OF_A_DISH])


def _groups(tenant: Row, group_ids: list[UUID]) -> Iterator[tuple[type[Base], Row]]:
    for position, group_id in enumerate(group_ids):
        named = {"name": f"Suppléments {position}", "position": position}
        yield OptionGroup, {**tenant, "id": group_id, **named, "min_select": 0, "max_select": 3}
    for position, group_id in enumerate(group_ids):
        for place in range(CHOICES):
            name = f"choix {position} {place}"
            yield (
                Option,
                {
                    **tenant,
                    "id": uuid4(),
                    "option_group_id": group_id,
                    "name": name,
                    "spoken_name": name,
                    "price_delta_cents": 50 * place,
                    "position": place,
                },
            )


def _dishes(tenant: Row, group_ids: list[UUID]) -> Iterator[tuple[type[Base], Row]]:
    category_ids = [uuid4() for _ in range(CATEGORIES)]
    for position, category_id in enumerate(category_ids):
        named = {"name": f"Rubrique {position}", "position": position}
        yield MenuCategory, {**tenant, "id": category_id, **named}
    item_ids = [uuid4() for _ in range(DISHES)]
    for place, item_id in enumerate(item_ids):
        yield (
            MenuItem,
            {
                **tenant,
                "id": item_id,
                "category_id": category_ids[place % CATEGORIES],
                "name": f"plat {place}",
                "spoken_name": f"le plat {place}",
                "aliases": [f"numéro {place}"],
                "description": "tomate, mozzarella, basilic",
                "price_cents": 900 + place,
                "vat_rate_bp": 1_000,
                "position": place,
            },
        )
    for item_id in item_ids:
        for group_id in group_ids:
            yield ItemOptionGroup, {**tenant, "item_id": item_id, "option_group_id": group_id}
