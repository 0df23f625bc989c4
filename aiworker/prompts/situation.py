"""What the model is told of this very moment: the date, the time, and whether orders are taken.

The instructions hold what does not change in a call, for the prompt cache; this is told beside them
when a session begins, and again as time passes. The order's transaction decides, not the model.
"""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from controlplane.contracts.opening import OpeningKind
from controlplane.contracts.restaurant_config import RestaurantConfig
from controlplane.restaurants.decision import Answer, RuleType
from controlplane.restaurants.what_happens import calendar_of, what_happens
from controlplane.spoken.spoken_french import clock, number, spoken_date, spoken_from

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
    answer = what_happens(calendar_of(config), OpeningKind.PICKUP, local)
    if answer.open:
        until = f" jusqu'à {clock(answer.until.time())}" if answer.until else ""
        taken = f"Le restaurant est ouvert et prend les commandes{until}."
        return f"{taken}{_delay(config, answer)}"
    return f"{_refusal(answer)} {NO_ORDER}"


def _delay(config: RestaurantConfig, answer: Answer) -> str:
    if answer.preparation_minutes <= config.preparation_minutes:
        return ""
    minutes = answer.preparation_minutes
    return f" La cuisine est chargée : annonce environ {number(minutes, feminine=True)} minutes."


def _refusal(answer: Answer) -> str:
    opens = answer.following.at
    again = f" ; il prend les commandes {spoken_from(opens, now=answer.at)}" if opens else ""
    match answer.rule.type:
        case RuleType.STATUS:
            return "Le restaurant ne prend pas de commandes en ce moment."
        case RuleType.BUSY:
            return f"La cuisine du restaurant ne prend pas de commandes pour le moment{again}."
        case RuleType.UNCONFIRMED:
            return f"Les horaires de ce jour férié restent à confirmer par le restaurant{again}."
    closed = "exceptionnellement fermé" if answer.exceptional else "fermé"
    reason = f" À dire à l'appelant : « {answer.spoken} »" if answer.spoken else ""
    return f"Le restaurant est {closed}{again}.{reason}"
