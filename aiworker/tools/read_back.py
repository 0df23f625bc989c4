"""Tool: the order as it stands, to be read to the caller before it is placed."""

from aiworker.tools.cart_result import cart_lines
from aiworker.tools.context import ToolContext
from aiworker.tools.spoken_cart import spoken_cart
from aiworker.tools.tool import Arguments, Result, Tool
from controlplane.restaurants.errors import CartEmpty


class ReadBack(Arguments):
    pass


async def read_back(context: ToolContext, arguments: ReadBack) -> Result:
    cart = context.cart
    if not cart.lines:
        raise CartEmpty
    context.read_back.begin(cart.revision)
    return {
        "status": "ok",
        "cart_revision": cart.revision,
        "lines": cart_lines(cart),
        "total_cents": cart.total_cents,
        "spoken": f"Je récapitule : {spoken_cart(cart)} C'est bien cela ?",
    }


TOOL = Tool(
    name="read_back",
    description=(
        "Donne le récapitulatif à dire en entier à l'appelant avant de passer la commande. "
        "À refaire après tout changement."
    ),
    arguments=ReadBack,
    run=read_back,
)
