"""How an order stands with its payment, in the visitor's language, on the kitchen's ticket."""

from zoneinfo import ZoneInfo

from controlplane.restaurants.payment_standing import Paid, Standing
from webapp.show import clock, price
from webapp.words import _


def on_ticket(standing: Standing, zone: ZoneInfo) -> str:
    """Tell the kitchen; empty where an order is paid as ever."""
    cents = price(standing.cents)
    match standing.paid:
        case Paid.IN_FULL:
            return _("Payée en ligne : %(price)s", price=cents)
        case Paid.AWAITED if standing.until is not None:
            until = clock(standing.until.astimezone(zone))
            if standing.required:
                return _("À préparer une fois payée : le client a jusqu’à %(until)s", until=until)
            return _("Paiement en ligne possible jusqu’à %(until)s", until=until)
        case Paid.TO_PAY:
            return _("À payer sur place : %(price)s", price=cents)
        case Paid.UNPAID:
            return _(
                "Non payée à temps : à accepter (%(price)s à payer sur place) ou à refuser",
                price=cents,
            )
        case Paid.REFUND_DUE:
            return _("À rembourser au client : %(price)s", price=cents)
        case _paid_as_ever:
            return ""
