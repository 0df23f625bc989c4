"""The cart as a French voice says it."""

from collections import Counter

from controlplane.restaurants.cart import Cart, CartLine
from controlplane.spoken.spoken_french import is_feminine, number, price


def spoken_line(line: CartLine) -> str:
    """ "deux Margherita, pâte fine, deux fois mozzarella, sans oignon"."""
    name = line.spoken_name or line.name
    count = number(line.quantity, feminine=is_feminine(name, line.category))
    times = Counter(option.spoken_name or option.name for option in line.options)
    options = [f"{number(n)} fois {name}" if n > 1 else name for name, n in times.items()]
    return ", ".join([f"{count} {name}", *options, *filter(None, [line.note])])


def spoken_cart(cart: Cart) -> str:
    """Lines and total, as they are read back."""
    dishes = " ; ".join(f"{spoken_line(line)}, {price(line.total_cents)}" for line in cart.lines)
    return f"{dishes}. Total : {price(cart.total_cents)}."
