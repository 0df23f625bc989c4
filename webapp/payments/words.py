"""How an order stands, in French, for its customer."""

from typing import Final

from controlplane.restaurants.payment_standing import Paid, Standing
from webapp.show import NO_BREAK, price

REFUSED: Final = (
    "Le paiement en ligne n’est pas possible pour cette commande. Vous la paierez en la recevant."
)
"""Stripe takes no payment for it: too small an amount, or an account that is not in order."""


def sentence(standing: Standing) -> str:
    """Tell the customer. What they pay where they get their order is not for us to say done."""
    match standing.paid:
        case Paid.IN_FULL:
            return f"Votre paiement de {price(standing.cents)} est bien arrivé. Merci{NO_BREAK}!"
        case Paid.AWAITED:
            return (
                "Votre paiement n’est pas encore confirmé. Si vous venez de payer, il le sera dans"
                " un instant."
            )
        case Paid.TO_PAY | Paid.UNPAID:
            return (
                f"Le délai est passé{NO_BREAK}: il reste {price(standing.cents)} à payer en"
                " recevant votre commande."
            )
        case Paid.REFUND_DUE:
            return f"Le restaurant vous doit {price(standing.cents)} et vous rembourse."
        case Paid.UNTOLD:
            return "Rien n’est à payer en ligne pour cette commande."
