"""What the pages of orders say: of statuses and reasons, of who did what, and of refused orders."""

from typing import Final

from controlplane.models.order import CancelReason, OrderStatus
from controlplane.restaurants.decision import Possibility
from controlplane.restaurants.errors import (
    AddressNotLocated,
    AllergyUnseen,
    CartEmpty,
    CartFull,
    Closed,
    DeliveryChanged,
    DishSoldOut,
    HoursUnconfirmed,
    KeyOfAnotherCart,
    NotANumber,
    NotAvailable,
    NotReplaceable,
    NotTakingOrders,
    OffMenu,
    OptionMissing,
    OptionSoldOut,
    OrderNotCommitted,
    OrdersPaused,
    OrderUnsettled,
    OutsideEveryZone,
    PriceChanged,
    RestaurantError,
    SlotFull,
    StatusRefused,
    TimeRefused,
    TooFewLeft,
    TooManyOfOne,
    TooManyOptions,
    TotalChanged,
    UnderMinimum,
)
from webapp.show import clock, price
from webapp.words import N_, _, ngettext

TONES: Final[dict[OrderStatus, str]] = {
    OrderStatus.PLACED: "bad",
    OrderStatus.ACCEPTED: "wait",
    OrderStatus.PREPARING: "work",
    OrderStatus.READY: "ok",
    OrderStatus.OUT_FOR_DELIVERY: "ok",
    OrderStatus.COMPLETED: "done",
    OrderStatus.REJECTED: "bad",
    OrderStatus.CANCELLED: "bad",
    OrderStatus.EXPIRED: "bad",
    OrderStatus.NO_SHOW: "done",
}
REASONS: Final[dict[CancelReason, str]] = {
    CancelReason.TOO_BUSY: N_("Trop de commandes en cuisine"),
    CancelReason.SOLD_OUT: N_("Il manque un plat"),
    CancelReason.CLOSING: N_("Le restaurant ferme"),
    CancelReason.OUT_OF_REACH: N_("Adresse impossible à livrer"),
    CancelReason.CUSTOMER_ASKED: N_("Le client l’a demandé"),
    CancelReason.OTHER: N_("Autre motif, que vous lui direz"),
}
STEPS: Final[dict[OrderStatus, str]] = {
    OrderStatus.PLACED: N_("Reçue en cuisine"),
    OrderStatus.ACCEPTED: N_("Acceptée"),
    OrderStatus.PREPARING: N_("Préparation commencée"),
    OrderStatus.READY: N_("Prête"),
    OrderStatus.OUT_FOR_DELIVERY: N_("Partie en livraison"),
    OrderStatus.COMPLETED: N_("Remise au client"),
    OrderStatus.REJECTED: N_("Refusée"),
    OrderStatus.CANCELLED: N_("Annulée"),
    OrderStatus.EXPIRED: N_("Expirée : personne ne l’a acceptée"),
    OrderStatus.NO_SHOW: N_("Personne n’est venu la chercher"),
}
ACTORS: Final[dict[str, str]] = {
    "agent": N_("l’IA, au téléphone"),
    "kitchen": N_("la cuisine"),
    "expiry": N_("automatiquement"),
    "import": N_("l’ancienne application"),
}
UNSENT: Final[dict[str, str]] = {
    "no_number": N_("numéro masqué"),
    "not_mobile": N_("ce numéro ne reçoit pas de SMS"),
    "foreign": N_("numéro étranger"),
    "unsafe": N_("numéro refusé"),
    "no_longer_true": N_("la commande avait changé entre-temps"),
    "too_many": N_("trop de SMS à ce numéro"),
}


def refused(error: RestaurantError) -> str:
    """Say what happened and what to do, of a rule that an order broke."""
    match error:
        case CartEmpty():
            return _("La commande est vide. Ajoutez au moins un plat.")
        case CartFull():
            return _("Une commande a quarante lignes au plus. Saisissez le reste à part.")
        case TooManyOfOne(most=most):
            return _(
                "Au plus %(most)s fois le même plat. Saisissez le reste dans une autre commande.",
                most=most,
            )
        case OffMenu(spoken_name=name) if name:
            return _(
                "« %(name)s » a changé à la carte. Retirez la ligne et reprenez-la.", name=name
            )
        case OffMenu():
            return _("Ce plat n’est plus à la carte. Retirez la ligne.")
        case DishSoldOut(item=item):
            return _("« %(name)s » est en rupture. Retirez la ligne.", name=item.name)
        case TooFewLeft(spoken_name=name, left=left):
            return ngettext(
                "Il reste %(left)s portion de « %(name)s ». Réduisez la quantité.",
                "Il reste %(left)s portions de « %(name)s ». Réduisez la quantité.",
                left,
            ) % {"left": left, "name": name}
        case OptionSoldOut(option=option):
            return _("« %(name)s » est en rupture. Choisissez autre chose.", name=option.name)
        case OptionMissing(group=group):
            return _("Il manque un choix : %(name)s.", name=group.name)
        case TooManyOptions(group=group):
            return ngettext(
                "%(name)s : un seul choix possible.",
                "%(name)s : %(most)s choix au plus.",
                group.max_select,
            ) % {"name": group.name, "most": group.max_select}
        case PriceChanged(spoken_name=name, cents=cents):
            return _(
                "Le prix vient de changer : %(name)s est à %(price)s. Dites-le au client, puis"
                " enregistrez.",
                name=name,
                price=price(cents),
            )
        case TotalChanged(cents=cents):
            return _(
                "Le total est maintenant de %(price)s. Dites-le au client, puis enregistrez.",
                price=price(cents),
            )
        case NotANumber():
            return _("Ce numéro n’existe pas. Écrivez-le comme 06 39 98 01 23.")
        case _:
            return _of_time_and_place(error)


def _of_time_and_place(error: RestaurantError) -> str:
    match error:
        case TimeRefused(first=first, last=last):
            return _(
                "La cuisine peut la préparer entre %(first)s et %(last)s. Choisissez une heure"
                " entre les deux.",
                first=clock(first),
                last=clock(last),
            )
        case SlotFull(following=following):
            return _("La cuisine ne peut plus rien promettre pour cette heure. ") + _next(following)
        case NotAvailable(dish=dish, following=following):
            sentence = _("« %(name)s » n’est pas servi à cette heure. ", name=dish.name)
            return sentence + _next(following)
        case NotTakingOrders():
            return _(
                "Le restaurant ne prend pas de commandes : il est en pause ou pas encore ouvert."
            )
        case OrdersPaused(following=following):
            return _("Les commandes sont en pause. ") + _next(following)
        case HoursUnconfirmed():
            return _("Les horaires de ce jour férié ne sont pas confirmés. Confirmez-les d’abord.")
        case Closed(following=following):
            return _("Le restaurant est fermé pour ce type de commande. ") + _next(following)
        case OutsideEveryZone():
            return _("Cette adresse est hors de vos zones de livraison.")
        case AddressNotLocated(zone=zone):
            return _(
                "Cette adresse n’a pas pu être située : la zone « %(zone)s » est dessinée sur une"
                " carte. Proposez le retrait.",
                zone=zone,
            )
        case UnderMinimum(zone=zone, minimum_cents=minimum):
            return _(
                "La zone « %(zone)s » demande au moins %(price)s de plats.",
                zone=zone,
                price=price(minimum),
            )
        case DeliveryChanged(fee_cents=fee):
            return _(
                "La livraison coûte maintenant %(price)s. Dites-le au client, puis enregistrez.",
                price=price(fee),
            )
        case _:
            return _of_the_order(error)


def _of_the_order(error: RestaurantError) -> str:
    match error:
        case NotReplaceable():
            return _(
                "Cette commande est déjà en préparation ou terminée : elle ne se corrige plus."
                " Annulez-la, ou saisissez ce qui manque à part."
            )
        case KeyOfAnotherCart():
            return _("Une commande a déjà été enregistrée depuis cette page.")
        case OrderNotCommitted():
            return _("La commande n’est pas enregistrée : la base ne répond pas. Réessayez.")
        case OrderUnsettled():
            return _(
                "Personne ne sait si la commande est enregistrée. Appuyez de nouveau : elle ne le"
                " sera pas deux fois."
            )
        case AllergyUnseen():
            return _("Lisez d’abord l’allergie, puis marquez-la comme lue.")
        case StatusRefused():
            return _("La commande a changé entre-temps. Voici où elle en est.")
        case _:
            return _("Ce n’est pas possible.")


def _next(following: Possibility) -> str:
    if following.at is None:
        return _("Proposez une autre solution au client.")
    return _("Prochaine possibilité : %(clock)s.", clock=clock(following.at))
