"""The cart line meant, by its number or by the dish on it."""

from aiworker.tools.cart import Cart, CartLine
from aiworker.tools.menu_match import words_of
from aiworker.tools.tool import ToolError


def find_line(cart: Cart, number: int | None, dish: str | None) -> CartLine:
    """Raises `ToolError` when there is none, or more than one."""
    if number is not None:
        return cart.line(number)
    wanted = set(words_of(dish or ""))
    found = [
        line
        for line in cart.lines
        if wanted and (wanted <= set(words_of(line.name)) or wanted <= set(words_of(line.spoken)))
    ]
    if len(found) == 1:
        return found[0]
    code = "ambiguous_line" if found else "unknown_line"
    spoken = "Lequel ?" if found else "Je ne trouve pas ce plat dans la commande."
    told = [{"line": line.line, "name": line.name} for line in found or cart.lines]
    raise ToolError(code, spoken, lines=told)
