"""What a receipt's pages say, in French and in English."""

from typing import Final

from controlplane.models.menu import Allergen
from controlplane.models.order import OrderStatus, OrderType
from controlplane.models.reservation import ReservationStatus
from webapp.show import NARROW_NO_BREAK, NO_BREAK
from webapp.words import Language

TONES: Final[dict[str, str]] = {
    OrderStatus.PLACED: "work",
    OrderStatus.ACCEPTED: "work",
    OrderStatus.PREPARING: "work",
    OrderStatus.READY: "ok",
    OrderStatus.OUT_FOR_DELIVERY: "ok",
    OrderStatus.COMPLETED: "done",
    OrderStatus.REJECTED: "bad",
    OrderStatus.CANCELLED: "bad",
    OrderStatus.EXPIRED: "bad",
    OrderStatus.NO_SHOW: "done",
    ReservationStatus.WAITLISTED: "wait",
    ReservationStatus.HOLD: "wait",
    ReservationStatus.CONFIRMED: "ok",
    ReservationStatus.RECONFIRMED: "ok",
    ReservationStatus.ARRIVED: "ok",
    ReservationStatus.SEATED: "ok",
    ReservationStatus.FINISHED: "done",
}
"""The tone of a status as its customer sees it; "cancelled" is both an order's and a table's."""

ALLERGENS: Final[dict[Language, dict[str, str]]] = {
    "fr": {
        Allergen.GLUTEN: "gluten",
        Allergen.CRUSTACEANS: "crustacés",
        Allergen.EGGS: "œufs",
        Allergen.FISH: "poisson",
        Allergen.PEANUTS: "arachides",
        Allergen.SOYBEANS: "soja",
        Allergen.MILK: "lait",
        Allergen.NUTS: "fruits à coque",
        Allergen.CELERY: "céleri",
        Allergen.MUSTARD: "moutarde",
        Allergen.SESAME: "sésame",
        Allergen.SULPHITES: "sulfites",
        Allergen.LUPIN: "lupin",
        Allergen.MOLLUSCS: "mollusques",
    },
    "en": {each: str(each) for each in Allergen},
}
ORDER_STATUSES: Final[dict[Language, dict[str, str]]] = {
    "fr": {
        OrderStatus.PLACED: "Reçue par le restaurant",
        OrderStatus.ACCEPTED: "Acceptée par le restaurant",
        OrderStatus.PREPARING: "En préparation",
        OrderStatus.READY: "Prête",
        OrderStatus.OUT_FOR_DELIVERY: "En route",
        OrderStatus.COMPLETED: "Remise",
        OrderStatus.REJECTED: "Refusée par le restaurant",
        OrderStatus.CANCELLED: "Annulée",
        OrderStatus.EXPIRED: "Expirée",
        OrderStatus.NO_SHOW: "Non retirée",
    },
    "en": {
        OrderStatus.PLACED: "Received by the restaurant",
        OrderStatus.ACCEPTED: "Accepted by the restaurant",
        OrderStatus.PREPARING: "Being prepared",
        OrderStatus.READY: "Ready",
        OrderStatus.OUT_FOR_DELIVERY: "On its way",
        OrderStatus.COMPLETED: "Handed over",
        OrderStatus.REJECTED: "Declined by the restaurant",
        OrderStatus.CANCELLED: "Cancelled",
        OrderStatus.EXPIRED: "Expired",
        OrderStatus.NO_SHOW: "Not collected",
    },
}
ORDER_TYPES: Final[dict[Language, dict[str, str]]] = {
    "fr": {
        OrderType.PICKUP: "à retirer à",
        OrderType.DELIVERY: "livrée vers",
        OrderType.ON_SITE: "sur place, pour",
    },
    "en": {
        OrderType.PICKUP: "to collect at",
        OrderType.DELIVERY: "delivered at about",
        OrderType.ON_SITE: "to eat here, for",
    },
}
RESERVATION_STATUSES: Final[dict[Language, dict[str, str]]] = {
    "fr": {
        ReservationStatus.WAITLISTED: "En liste d’attente",
        ReservationStatus.HOLD: "En attente de confirmation",
        ReservationStatus.CONFIRMED: "Confirmée",
        ReservationStatus.RECONFIRMED: "Confirmée",
        ReservationStatus.ARRIVED: "Arrivée",
        ReservationStatus.SEATED: "À table",
        ReservationStatus.FINISHED: "Terminée",
        ReservationStatus.CANCELLED: "Annulée",
        ReservationStatus.NO_SHOW: "Non honorée",
    },
    "en": {
        ReservationStatus.WAITLISTED: "On the waiting list",
        ReservationStatus.HOLD: "Awaiting confirmation",
        ReservationStatus.CONFIRMED: "Confirmed",
        ReservationStatus.RECONFIRMED: "Confirmed",
        ReservationStatus.ARRIVED: "Arrived",
        ReservationStatus.SEATED: "Seated",
        ReservationStatus.FINISHED: "Finished",
        ReservationStatus.CANCELLED: "Cancelled",
        ReservationStatus.NO_SHOW: "Not kept",
    },
}
WORDS: Final[dict[Language, dict[str, str]]] = {
    "fr": {
        "language": "English",
        "order": f"Commande n°{NO_BREAK}",
        "reservation": f"Réservation n°{NO_BREAK}",
        "people": "personnes",
        "person": "personne",
        "for": "au nom de",
        "allergy": f"Vous avez signalé une allergie{NO_BREAK}:",
        "delivery": "Livraison",
        "discount": "Remise",
        "total": "Total",
        "vat": "dont TVA",
        "awaited": "Payer en ligne",
        "in_full": f"Payée en ligne{NO_BREAK}:",
        "to_pay": f"À payer en la recevant{NO_BREAK}:",
        "refund_due": f"Le restaurant vous doit{NO_BREAK}:",
        "colon": f"{NO_BREAK}:",
        "at_restaurant": "À régler au restaurant.",
        "data": "Vos données",
        "not_a_receipt": "Ce récapitulatif n’est ni un ticket de caisse ni une facture.",
        "allergens": "Allergènes",
        "declared": f"Allergènes déclarés{NO_BREAK}:",
        "none_declared": "Aucun allergène déclaré",
        "unknown": f"Allergènes non déclarés{NO_BREAK}: demandez au restaurant",
        "caution": "Ce sont les allergènes que le restaurant déclare. Une liste vide ne veut pas"
        f" dire «{NO_BREAK}sans{NO_BREAK}»{NARROW_NO_BREAK}: des traces sont possibles. En cas de"
        " doute, appelez avant de venir.",
        "whole_menu": "Allergènes de toute la carte",
        "back": "Retour au récapitulatif",
        "call": "Appeler",
        "wrong": f"Une erreur{NARROW_NO_BREAK}? Appelez le restaurant au",
        "no_dishes": "Le restaurant n’a pas encore de carte.",
    },
    "en": {
        "language": "Français",
        "order": f"Order no.{NO_BREAK}",
        "reservation": f"Reservation no.{NO_BREAK}",
        "people": "people",
        "person": "person",
        "for": "for",
        "allergy": "You told us of an allergy:",
        "delivery": "Delivery",
        "discount": "Discount",
        "total": "Total",
        "vat": "including VAT",
        "awaited": "Pay online",
        "in_full": "Paid online:",
        "to_pay": "To pay when you get it:",
        "refund_due": "The restaurant owes you:",
        "colon": ":",
        "at_restaurant": "To be paid at the restaurant.",
        "data": "Your data",
        "not_a_receipt": "This summary is neither a till receipt nor an invoice.",
        "allergens": "Allergens",
        "declared": "Declared allergens:",
        "none_declared": "No allergen declared",
        "unknown": "Allergens not declared: ask the restaurant",
        "caution": "These are the allergens that the restaurant declares. An empty list does not"
        " mean “free from”: traces are possible. If in doubt, call before you come.",
        "whole_menu": "Allergens of the whole menu",
        "back": "Back to the summary",
        "call": "Call",
        "wrong": "Something wrong? Call the restaurant:",
        "no_dishes": "The restaurant has no menu yet.",
    },
}
