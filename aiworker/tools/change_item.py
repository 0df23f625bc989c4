"""Tool: change a line of the cart: how many, which options, another dish."""

from pydantic import Field

from aiworker.tools.cart_result import cart_result
from aiworker.tools.context import ToolContext
from aiworker.tools.expected_ready import ready_if_ordered_now
from aiworker.tools.find_dish import Wishes, find_dish, find_options
from aiworker.tools.find_line import find_line
from aiworker.tools.spoken_cart import spoken_line
from aiworker.tools.tool import Arguments, Result, Tool, ToolError
from controlplane.contracts.restaurant_config import MenuItem
from controlplane.restaurants.availability import check_available
from controlplane.restaurants.cart import MOST_OF_ONE, CartLine
from controlplane.restaurants.default_options import with_defaults


class ChangeItem(Arguments):
    line: int | None = Field(default=None, ge=1, description="Numéro de ligne donné par l'outil.")
    dish: str | None = Field(
        default=None, description="Plat de la ligne, quand le numéro n'est pas connu."
    )
    quantity: int | None = Field(default=None, ge=1, le=MOST_OF_ONE, description="Nouveau nombre.")
    options: list[str] | None = Field(
        default=None, max_length=10, description="Toutes les options voulues ; [] : aucune."
    )
    new_dish: str | None = Field(default=None, description="Plat qui remplace celui de la ligne.")


async def change_item(context: ToolContext, arguments: ChangeItem) -> Result:
    line = find_line(context, arguments.line, arguments.dish)
    if arguments.new_dish is not None:
        item = find_dish(context.config, arguments.new_dish)
        check_available(item, ready_if_ordered_now(context))
    else:
        item = _same_dish(context, line.item_id, line.name)
    wishes = (
        _kept(line, item) if arguments.options is None else find_options(item, arguments.options)
    )
    options = wishes.options
    if arguments.options or item.id != line.item_id:
        options = with_defaults(item, options, left_out=wishes.left_out)
    quantity = arguments.quantity or line.quantity
    changed = context.cart.change(line.line, item, options, quantity, note=wishes.note)
    context.changed()
    return cart_result(context.cart, changed, f"C'est changé : {spoken_line(changed)}.")


def _kept(line: CartLine, item: MenuItem) -> Wishes:
    """What the line has and the dish offers, as often as before."""
    offered = {option.id: option for group in item.option_groups for option in group.options}
    options = tuple(offered[option.id] for option in line.options if option.id in offered)
    return Wishes(options, line.note)


def _same_dish(context: ToolContext, item_id: object, name: str) -> MenuItem:
    for item in context.config.menu:
        if item.id == item_id:
            return item
    raise ToolError("unknown_dish", f"{name} n'est plus à la carte.")


TOOL = Tool(
    name="change_item",
    description="Change une ligne de la commande : quantité, options, ou un autre plat.",
    arguments=ChangeItem,
    run=change_item,
)
