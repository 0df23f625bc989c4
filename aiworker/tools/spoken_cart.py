"""The cart as a French voice says it."""

from aiworker.tools.spoken_french import is_feminine, number, price
from controlplane.restaurants.cart import Cart, CartLine


def spoken_line(line: CartLine) -> str:
    """ "deux Margherita, pâte fine"."""
    name = line.spoken_name or line.name
    count = number(line.quantity, feminine=is_feminine(name, line.category))
    options = "".join(f", {option.spoken_name or option.name}" for option in line.options)
    return f"{count} {name}{options}"


def spoken_cart(cart: Cart) -> str:
    """Lines and total, as they are read back."""
    dishes = " ; ".join(f"{spoken_line(line)}, {price(line.total_cents)}" for line in cart.lines)
    return f"{dishes}. Total : {price(cart.total_cents)}."
