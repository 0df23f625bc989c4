"""Pizzeria Bella Napoli: the restaurant that `make demo` and `make up` call.

Its ids never change, so seeding again brings the menu back to what `demo_menu` says and keeps
orders, calls and placement as they are.
"""

from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from secrets import token_hex
from typing import Any, Final
from uuid import UUID, uuid5

from sqlalchemy import Connection, Row, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import DeclarativeBase

from controlplane.database import sync_engine
from controlplane.local.demo.menu import MENU, OPTION_GROUPS
from controlplane.models.carrier import Carrier
from controlplane.models.menu import ItemOptionGroup, MenuCategory, MenuItem, Option, OptionGroup
from controlplane.models.opening_rule import OpeningRule
from controlplane.models.restaurant import (
    MOST_AI_MINUTES_A_DAY,
    MOST_CALLS_AN_HOUR,
    MOST_CALLS_AT_ONCE,
    Restaurant,
)
from controlplane.models.sip_registration import SipRegistration
from controlplane.secret_box import SecretBox, SecretUnreadable

DEMO_RESTAURANT_ID: Final = UUID("0199f000-be11-7a00-8a00-0000000a9011")
DEMO_CARRIER_ID: Final = "demo"
DEMO_SLUG: Final = "bella-napoli"
DEMO_PHONE: Final = "+33199001234"
"""This number is of the range ARCEP keeps for fiction (01 99 00)."""

AS_MANY_CALLS_AS_COME: Final = {
    "most_calls_at_once": MOST_CALLS_AT_ONCE,
    "most_calls_an_hour": MOST_CALLS_AN_HOUR,
    "most_ai_minutes_a_day": MOST_AI_MINUTES_A_DAY,
}
"""A benchmark measures the bridge, not a restaurant's limits."""

LUNCH: Final = (time(11, 30), time(14, 30))
DINNER: Final = (time(18, 30), time(22, 30))
LATE_DINNER: Final = (time(18, 30), time(0, 30))
"""Friday and Saturday, past midnight."""
ALL_DAY: Final = (time(0), time(0))
FRIDAY, SATURDAY = 4, 5


class Hours(StrEnum):
    """A demo at 3 a.m. needs a restaurant that is open."""

    REAL = "real"
    AROUND_THE_CLOCK = "around_the_clock"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRestaurant:
    """What a caller of the demo needs to know."""

    restaurant_id: UUID
    slug: str
    gateway_name: str


def seed_demo(
    database_url: str,
    *,
    registrar: str,
    username: str,
    password: str,
    secrets: SecretBox,
    fallback_phone: str = DEMO_PHONE,
    transport: str = "udp",
    expire_seconds: int = 60,
    hours: Hours = Hours.AROUND_THE_CLOCK,
) -> DemoRestaurant:
    """Write the demo restaurant and its SIP account, in one transaction; again and again if asked.

    `registrar` is the demo carrier's `host[:port]`, `fallback_phone` E.164: the restaurant's own
    phone.
    """
    engine = sync_engine(database_url, application_name="seed", pool_size=1)
    try:
        with engine.begin() as connection:
            _seed_restaurant(connection, fallback_phone)
            _seed_opening(connection, hours)
            _seed_menu(connection)
            _upsert(
                connection,
                Carrier,
                {
                    "id": DEMO_CARRIER_ID,
                    "name": "Opérateur de démonstration",
                    "registrar": registrar,
                    "transport": transport,
                    "expire_seconds": expire_seconds,
                    "source_networks": ["127.0.0.0/8"],
                },
            )
            gateway_name = _seed_registration(connection, username, password, secrets)
    finally:
        engine.dispose()
    return DemoRestaurant(
        restaurant_id=DEMO_RESTAURANT_ID, slug=DEMO_SLUG, gateway_name=gateway_name
    )


def demo_id(*path: str) -> UUID:
    """The fixed id of a row: `demo_id("item", "Margherita")`, `demo_id("option", "Pâte", "fine")`.

    Kinds: `category`, `group`, `item`, `opening`, `option`, `registration`.
    """
    return uuid5(DEMO_RESTAURANT_ID, "/".join(path))


def _seed_restaurant(connection: Connection, fallback_phone: str) -> None:
    _upsert(
        connection,
        Restaurant,
        {
            "id": DEMO_RESTAURANT_ID,
            "slug": DEMO_SLUG,
            "name": "Pizzeria Bella Napoli",
            "spoken_name": "la pizzeria Bella Napoli",
            "address": "12 rue des Oliviers, 69002 Lyon",
            "timezone": "Europe/Paris",
            "phone_e164": fallback_phone,
            "status": "live",
            "preparation_minutes": 20,
            **AS_MANY_CALLS_AS_COME,
        },
    )


def _seed_opening(connection: Connection, hours: Hours) -> None:
    connection.execute(delete(OpeningRule).where(OpeningRule.restaurant_id == DEMO_RESTAURANT_ID))
    for weekday in range(7):
        dinner = LATE_DINNER if weekday in (FRIDAY, SATURDAY) else DINNER
        for opens, closes in (LUNCH, dinner) if hours is Hours.REAL else (ALL_DAY,):
            _upsert(
                connection,
                OpeningRule,
                {
                    "id": demo_id("opening", str(weekday), opens.isoformat()),
                    "restaurant_id": DEMO_RESTAURANT_ID,
                    "weekday": weekday,
                    "opens": opens,
                    "closes": closes,
                },
            )


def _seed_menu(connection: Connection) -> None:
    tenant = {"restaurant_id": DEMO_RESTAURANT_ID}
    for position, group in enumerate(OPTION_GROUPS):
        group_id = demo_id("group", group.name)
        _upsert(
            connection,
            OptionGroup,
            {
                **tenant,
                "id": group_id,
                "name": group.name,
                "min_select": group.min_select,
                "max_select": group.max_select,
                "position": position,
            },
        )
        for place, choice in enumerate(group.choices):
            _upsert(
                connection,
                Option,
                {
                    **tenant,
                    "id": demo_id("option", group.name, choice.name),
                    "option_group_id": group_id,
                    "name": choice.name,
                    "spoken_name": choice.spoken,
                    "aliases": list(choice.aliases),
                    "price_delta_cents": choice.delta_cents,
                    "position": place,
                    "sold_out_until": None,
                },
            )
    for position, category in enumerate(MENU):
        category_id = demo_id("category", category.name)
        _upsert(
            connection,
            MenuCategory,
            {**tenant, "id": category_id, "name": category.name, "position": position},
        )
        for place, dish in enumerate(category.dishes):
            item_id = demo_id("item", dish.name)
            _upsert(
                connection,
                MenuItem,
                {
                    **tenant,
                    "id": item_id,
                    "category_id": category_id,
                    "name": dish.name,
                    "spoken_name": dish.spoken or dish.name,
                    "aliases": list(dish.aliases),
                    "description": dish.description,
                    "price_cents": dish.price_cents,
                    "vat_rate_bp": dish.vat_rate_bp,
                    "position": place,
                    "active": True,
                    "sold_out_until": None,
                },
            )
            for name in category.groups:
                connection.execute(
                    insert(ItemOptionGroup)
                    .values(**tenant, item_id=item_id, option_group_id=demo_id("group", name))
                    .on_conflict_do_nothing()
                )


def _seed_registration(connection: Connection, username: str, password: str, box: SecretBox) -> str:
    """The gateway keeps its name; an account that stayed the same is not written again."""
    row = connection.execute(
        select(SipRegistration.__table__)
        .where(SipRegistration.restaurant_id == DEMO_RESTAURANT_ID)
        .with_for_update()
    ).one_or_none()
    if row is not None and _is_account(row, username, password, box):
        return str(row.gateway_name)
    gateway_name = row.gateway_name if row is not None else f"{DEMO_SLUG}-{token_hex(4)}"
    _upsert(
        connection,
        SipRegistration,
        {
            "id": demo_id("registration"),
            "restaurant_id": DEMO_RESTAURANT_ID,
            "gateway_name": gateway_name,
            "carrier_id": DEMO_CARRIER_ID,
            "username": username,
            "password_encrypted": box.seal(password, owner=DEMO_RESTAURANT_ID),
        },
    )
    return str(gateway_name)


def _is_account(row: Row[Any], username: str, password: str, box: SecretBox) -> bool:
    try:
        known = box.open(row.password_encrypted, owner=DEMO_RESTAURANT_ID)
    except SecretUnreadable:  # the local key was thrown away with the rest of the data
        return False
    return row.username == username and known == password


def _upsert(connection: Connection, model: type[DeclarativeBase], values: dict[str, Any]) -> None:
    statement = insert(model).values(**values)
    updated = {name: statement.excluded[name] for name in values if name != "id"}
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=updated))
