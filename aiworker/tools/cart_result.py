"""What every tool that touches the cart answers: the line, the cart's revision, the total."""

from typing import Final

from aiworker.tools.tool import Result
from controlplane.restaurants.cart import Cart, CartLine
from controlplane.spoken.spoken_french import price

_NO_PROMISE: Final = (
    "La remarque est pour la cuisine, ce n'est pas une garantie : en cas d'allergie, propose "
    "transfer_to_human."
)


def cart_result(cart: Cart, line: CartLine, spoken: str) -> Result:
    warning = {"next": _NO_PROMISE} if line.note else {}
    return {
        "status": "ok",
        "line": line.line,
        "name": line.name,
        "quantity": line.quantity,
        "options": _wishes(line),
        "cart_revision": cart.revision,
        "total_cents": cart.total_cents,
        "spoken": f"{spoken} Total : {price(cart.total_cents)}.",
        **warning,
    }


def cart_lines(cart: Cart) -> list[Result]:
    """The whole cart, for the model."""
    return [
        {
            "line": line.line,
            "name": line.name,
            "quantity": line.quantity,
            "options": _wishes(line),
            "total_cents": line.total_cents,
        }
        for line in cart.lines
    ]


def _wishes(line: CartLine) -> list[str]:
    return [*(option.name for option in line.options), *filter(None, [line.note])]
