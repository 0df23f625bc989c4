"""What the model is told of this very moment: the date, the time, and whether orders are taken.

The instructions hold what does not change in a call, for the prompt cache; this is told beside them
when a session begins, and again as time passes. The order's transaction decides, not the model.
"""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from aiworker.tools.spoken_french import clock, spoken_date, spoken_from
from controlplane.contracts.restaurant_config import RestaurantConfig, RestaurantStatus
from controlplane.restaurants.opening import hours_of, open_until, opening_at

NO_ORDER: Final = (
    "Dis-le dès qu'on veut commander, et ne prends pas de commande ; tu peux renseigner l'appelant."
)


def situation(config: RestaurantConfig, now: datetime) -> str:
    """Say in French what time it is in the restaurant, and what is possible now."""
    local = now.astimezone(ZoneInfo(config.timezone))
    today = (
        f"Nous sommes le {spoken_date(local.date())} {local.year}, il est {clock(local.time())}."
    )
    return f"{today} {_orders(config, local)}"


def _orders(config: RestaurantConfig, local: datetime) -> str:
    if config.status is not RestaurantStatus.LIVE:
        return f"Le restaurant ne prend pas de commandes en ce moment. {NO_ORDER}"
    hours = hours_of(config)
    opening = opening_at(hours, local)
    if opening.service is not None:
        closes = open_until(hours, opening.service)
        until = f" jusqu'à {clock(closes.time())}" if closes else ""
        return f"Le restaurant est ouvert et prend les commandes{until}."
    closed = "exceptionnellement fermé" if opening.exceptional else "fermé"
    if opening.following is None:
        return f"Le restaurant est {closed}. {NO_ORDER}"
    again = spoken_from(opening.following.opens, now=local)
    return f"Le restaurant est {closed} ; il prend les commandes {again}. {NO_ORDER}"
