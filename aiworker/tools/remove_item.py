"""Tool: take a line out of the cart."""

from pydantic import Field

from aiworker.tools.cart_result import cart_result
from aiworker.tools.context import ToolContext
from aiworker.tools.find_line import find_line
from aiworker.tools.spoken_cart import spoken_line
from aiworker.tools.tool import Arguments, Result, Tool


class RemoveItem(Arguments):
    line: int | None = Field(default=None, ge=1, description="Numéro de ligne donné par l'outil.")
    dish: str | None = Field(
        default=None, description="Plat de la ligne, quand le numéro n'est pas connu."
    )


async def remove_item(context: ToolContext, arguments: RemoveItem) -> Result:
    line = find_line(context, arguments.line, arguments.dish)
    context.cart.remove(line.line)
    context.changed()
    return cart_result(context.cart, line, f"C'est retiré : {spoken_line(line)}.")


TOOL = Tool(
    name="remove_item",
    description="Retire une ligne entière de la commande.",
    arguments=RemoveItem,
    run=remove_item,
)
