"""How an order stands with its payment, in French, on the kitchen's ticket."""

from zoneinfo import ZoneInfo

from controlplane.restaurants.payment_standing import Paid, Standing
from webapp.show import NO_BREAK, clock, price


def on_ticket(standing: Standing, zone: ZoneInfo) -> str:
    """Tell the kitchen; empty where an order is paid as ever."""
    cents = price(standing.cents)
    match standing.paid:
        case Paid.IN_FULL:
            return f"Payée en ligne{NO_BREAK}: {cents}"
        case Paid.AWAITED if standing.until is not None:
            until = clock(standing.until.astimezone(zone))
            if standing.required:
                return f"À préparer une fois payée{NO_BREAK}: le client a jusqu’à {until}"
            return f"Paiement en ligne possible jusqu’à {until}"
        case Paid.TO_PAY:
            return f"À payer sur place{NO_BREAK}: {cents}"
        case Paid.UNPAID:
            return (
                f"Non payée à temps{NO_BREAK}: à accepter ({cents} à payer sur place) ou à refuser"
            )
        case Paid.REFUND_DUE:
            return f"À rembourser au client{NO_BREAK}: {cents}"
        case _:
            return ""
