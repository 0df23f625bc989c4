"""What a caller hears when something is not possible at an instant, word for word. Pure.

The worker's tools say it in a call, the page "Que dira l'IA ?" shows it beforehand.
"""

from controlplane.restaurants.errors import (
    Closed,
    HoursUnconfirmed,
    NotAtThisInstant,
    NotAvailable,
    NotNow,
    NotTakingOrders,
    OrdersPaused,
    SlotFull,
)
from controlplane.spoken.spoken_french import spoken_from


def spoken_refusal(refusal: NotNow) -> str:
    """Say that it is not possible, why as far as callers are told, and from when on it is."""
    match refusal:
        case NotTakingOrders():
            return "Le restaurant ne prend pas de commandes en ce moment."
        case SlotFull(wanted=wanted, following=following):
            spoken = "La cuisine ne peut plus rien promettre pour cette heure-là."
            if following.at is not None:
                ready = spoken_from(following.at, now=wanted)
                spoken += f" La prochaine commande possible serait prête {ready}."
            return spoken
        case NotAvailable(dish=dish, wanted=wanted, following=following):
            spoken = f"À cette heure-là, nous ne servons pas {dish.spoken_name or dish.name}."
            if following.at is not None:
                spoken += f" Ce sera possible {spoken_from(following.at, now=wanted)}."
            return spoken
        case OrdersPaused():
            return f"La cuisine ne prend plus de commandes pour le moment.{_again(refusal)}"
        case HoursUnconfirmed():
            return f"Les horaires de ce jour férié restent à confirmer.{_again(refusal)}"
        case Closed(exceptional=exceptional, spoken=own_words):
            closed = "exceptionnellement fermé" if exceptional else "fermé en ce moment"
            return f"{own_words or f'Le restaurant est {closed}.'}{_again(refusal)}"
        case _:
            return "Ce n'est pas possible en ce moment."


def _again(refusal: NotAtThisInstant) -> str:
    if refusal.opens is None:
        return ""
    return f" Vous pourrez commander {spoken_from(refusal.opens, now=refusal.now)}."
