"""Tool: put a dish into the cart."""

from pydantic import Field

from aiworker.tools.cart_result import cart_result
from aiworker.tools.context import ToolContext
from aiworker.tools.expected_ready import ready_if_ordered_now
from aiworker.tools.find_dish import find_dish, find_options
from aiworker.tools.spoken_cart import spoken_line
from aiworker.tools.tool import Arguments, Result, Tool
from controlplane.restaurants.availability import check_available
from controlplane.restaurants.cart import MOST_OF_ONE
from controlplane.restaurants.default_options import with_defaults


class AddItem(Arguments):
    dish: str = Field(description="Nom du plat, comme à la carte ou comme l'appelant le dit.")
    quantity: int = Field(default=1, ge=1, le=MOST_OF_ONE, description="Combien.")
    options: list[str] = Field(
        default_factory=list,
        max_length=10,
        description="Options choisies, par leur nom ; deux fois le même nom pour un double "
        "supplément. « sans … » si l'appelant ne veut pas d'un ingrédient.",
    )


async def add_item(context: ToolContext, arguments: AddItem) -> Result:
    item = find_dish(context.config, arguments.dish)
    check_available(item, ready_if_ordered_now(context))
    wishes = find_options(item, arguments.options)
    options = with_defaults(item, wishes.options, left_out=wishes.left_out)
    line = context.cart.add(item, options, arguments.quantity, note=wishes.note)
    context.changed()
    return cart_result(context.cart, line, f"C'est noté : {spoken_line(line)}.")


TOOL = Tool(
    name="add_item",
    description="Ajoute un plat à la commande, avec ses options. Le prix est celui de la carte.",
    arguments=AddItem,
    run=add_item,
)
