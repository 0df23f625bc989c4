"""The cart line meant, by its number or by the dish on it."""

from aiworker.tools.menu_match import words_of
from aiworker.tools.spoken_cart import spoken_line
from aiworker.tools.tool import ToolError
from controlplane.restaurants.cart import Cart, CartLine


def find_line(cart: Cart, number: int | None, dish: str | None) -> CartLine:
    """Raises `UnknownLine` for a number, `ToolError` for a dish on no line or on several."""
    if number is not None:
        return cart.line(number)
    wanted = set(words_of(dish or ""))
    found = [line for line in cart.lines if wanted and _is_called(line, wanted)]
    if len(found) == 1:
        return found[0]
    code = "ambiguous_line" if found else "unknown_line"
    spoken = "Lequel ?" if found else "Je ne trouve pas ce plat dans la commande."
    told = [{"line": line.line, "name": line.name} for line in found or cart.lines]
    raise ToolError(code, spoken, lines=told)


def _is_called(line: CartLine, wanted: set[str]) -> bool:
    return any(wanted <= set(words_of(text)) for text in (line.name, spoken_line(line)))
