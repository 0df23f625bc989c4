"""The cart line meant, by its number or by the dish on it."""

from aiworker.tools.context import ToolContext
from aiworker.tools.find_dish import match_dish
from aiworker.tools.spoken_cart import spoken_line
from aiworker.tools.tool import ToolError
from controlplane.restaurants.cart import CartLine
from controlplane.restaurants.menu_words import words_of


def find_line(context: ToolContext, number: int | None, dish: str | None) -> CartLine:
    """Raises `UnknownLine` for a number, `ToolError` for a dish on no line or on several."""
    cart = context.cart
    if number is not None:
        return cart.line(number)
    found = _lines_with(context, dish or "")
    if len(found) == 1:
        return found[0]
    told = [{"line": line.line, "name": spoken_line(line)} for line in found or cart.lines]
    if found:
        spoken = f"Lequel : {' ou '.join(map(spoken_line, found))} ?"
        raise ToolError("ambiguous_line", spoken, lines=told)
    raise ToolError("unknown_line", "Je ne trouve pas ce plat dans la commande.", lines=told)


def _lines_with(context: ToolContext, dish: str) -> list[CartLine]:
    """Lines with the dish the menu calls so; else those whose words hold what was said."""
    lines = context.cart.lines
    meant = match_dish(context.config, dish)
    called_so = (meant.found,) if meant.found else meant.suggestions if meant.called_so else ()
    ids = {item.id for item in called_so}
    wanted = set(words_of(dish)) if dish.strip() else set()
    return [line for line in lines if line.item_id in ids] or [
        line for line in lines if wanted and wanted <= set(words_of(spoken_line(line)))
    ]
