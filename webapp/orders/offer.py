"""What the page of an order that is being typed shows of the restaurant: its menu, when it can be
ready, what delivering costs. Nothing here is a promise: placing the order asks the rules again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from controlplane.contracts.opening import OpeningKind
from controlplane.contracts.restaurant_config import MenuItem, RestaurantConfig
from controlplane.models.order import OrderType
from controlplane.restaurants.config_cache import load_restaurant_config, reload_restaurant_config
from controlplane.restaurants.delivery_zones import Delivery, delivery_to
from controlplane.restaurants.errors import Refused
from controlplane.restaurants.menu_portions import portions_returning
from controlplane.restaurants.order_by_hand import TypedCart, cart_of
from controlplane.restaurants.wanted_times import wanted_times
from controlplane.restaurants.what_happens import Calendar, calendar_of, check_takes_orders
from controlplane.restaurants.zone_rows import read_zones
from webapp.orders.forms import OrderForm
from webapp.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What can be had now, by this order's type."""

    categories: Sequence[tuple[str, Sequence[MenuItem]]]
    types: Sequence[OrderType]
    cart: TypedCart
    delivery: Delivery | None
    closed: Refused | None
    """Why nothing of this type can be ordered now."""
    ready_at: datetime | None
    times: Sequence[datetime]

    @property
    def total_cents(self) -> int:
        return self.cart.cart.total_cents + (self.delivery.fee_cents if self.delivery else 0)


async def read_offer(place: Place, typing: OrderForm, *, fresh: bool = False) -> Offer:
    """Read the menu from the cache that calls read it from; from Postgres once a rule refused."""
    site = place.site
    config = (
        await reload_restaurant_config(site.sessions, place.restaurant_id)
        if fresh
        else await load_restaurant_config(site.redis, site.sessions, place.restaurant_id)
    )
    menu = await _with_returning(place, typing, config)
    cart = cart_of(typing.lines, menu)
    calendar, now = calendar_of(config), datetime.now(UTC)
    closed, ready_at, times = _when(calendar, typing.order_type, now)
    return Offer(
        categories=_by_category(menu),
        types=_types(calendar),
        cart=cart,
        delivery=await _delivery(place, typing, cart),
        closed=closed,
        ready_at=ready_at,
        times=times,
    )


def dish_of(offer: Offer, item_id: UUID | None) -> MenuItem | None:
    """The dish of that id, if the menu has it."""
    dishes = (dish for _, dishes in offer.categories for dish in dishes)
    return next((dish for dish in dishes if dish.id == item_id), None)


async def _with_returning(
    place: Place, typing: OrderForm, config: RestaurantConfig
) -> tuple[MenuItem, ...]:
    """The menu with the portions that the order to be corrected gives back."""
    if typing.replaces is None:
        return config.menu
    async with place.session() as session:
        returning = await portions_returning(session, place.restaurant_id, typing.replaces)
    return tuple(_returned(dish, returning.get(dish.id, 0)) for dish in config.menu)


def _returned(dish: MenuItem, portions: int) -> MenuItem:
    if not portions or dish.portions_left is None:
        return dish
    sold_out = dish.sold_out and dish.portions_left > 0
    left = dish.portions_left + portions
    return dish.model_copy(update={"portions_left": left, "sold_out": sold_out})


def _when(
    calendar: Calendar, order_type: OrderType, now: datetime
) -> tuple[Refused | None, datetime | None, Sequence[datetime]]:
    try:
        answer = check_takes_orders(calendar, now, kind=OpeningKind(order_type))
    except Refused as refusal:
        return refusal, None, ()
    return None, answer.ready_at, wanted_times(answer)


def _types(calendar: Calendar) -> list[OrderType]:
    """Those that the restaurant has hours for; fetching, if it has none at all."""
    offered = {window.kind for window in calendar.week}
    return [each for each in OrderType if OpeningKind(each) in offered] or [OrderType.PICKUP]


async def _delivery(place: Place, typing: OrderForm, cart: TypedCart) -> Delivery | None:
    """What delivering to the typed address costs; None while nobody can say."""
    address = typing.address() if typing.order_type is OrderType.DELIVERY else None
    if address is None:
        return None
    async with place.session() as session:
        zones = await read_zones(session, place.restaurant_id)
    try:
        return delivery_to(address, zones, items_cents=cart.cart.total_cents)
    except Refused:
        return None


def _by_category(menu: Sequence[MenuItem]) -> list[tuple[str, list[MenuItem]]]:
    categories: dict[str, list[MenuItem]] = {}
    for dish in menu:
        categories.setdefault(dish.category, []).append(dish)
    return list(categories.items())
