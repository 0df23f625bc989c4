"""What every tool that touches the cart answers: the line, the cart's revision, the total."""

from aiworker.tools.spoken_french import price
from aiworker.tools.tool import Result
from controlplane.restaurants.cart import Cart, CartLine


def cart_result(cart: Cart, line: CartLine, spoken: str) -> Result:
    return {
        "status": "ok",
        "line": line.line,
        "name": line.name,
        "quantity": line.quantity,
        "options": [option.name for option in line.options],
        "cart_revision": cart.revision,
        "total_cents": cart.total_cents,
        "spoken": f"{spoken} Total : {price(cart.total_cents)}.",
    }


def cart_lines(cart: Cart) -> list[Result]:
    """The whole cart, for the model."""
    return [
        {
            "line": line.line,
            "name": line.name,
            "quantity": line.quantity,
            "options": [option.name for option in line.options],
            "total_cents": line.total_cents,
        }
        for line in cart.lines
    ]
