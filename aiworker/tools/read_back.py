"""Tool: the order as it stands, to be read to the caller before it is placed."""

from aiworker.tools.cart_result import cart_lines
from aiworker.tools.context import ToolContext
from aiworker.tools.newer_config import take_newer_config
from aiworker.tools.spoken_cart import spoken_cart
from aiworker.tools.tool import Arguments, Result, Tool
from controlplane.restaurants.availability import check_all_available
from controlplane.restaurants.errors import CartEmpty, Refused
from controlplane.restaurants.what_happens import calendar_of, check_takes_orders


class ReadBack(Arguments):
    pass


async def read_back(context: ToolContext, arguments: ReadBack) -> Result:
    """Raises `CartEmpty`; `NotNow` of the restaurant and of each dish, for nobody confirms an order
    in vain.
    """
    cart = context.cart
    if not cart.lines:
        raise CartEmpty
    await _check_takes_orders(context)
    context.read_back.begin(cart.revision)
    return {
        "status": "ok",
        "cart_revision": cart.revision,
        "lines": cart_lines(cart),
        "total_cents": cart.total_cents,
        "spoken": f"Je récapitule : {spoken_cart(cart)} C'est bien cela ?",
    }


async def _check_takes_orders(context: ToolContext) -> None:
    """Refuse by what is in Postgres, not by what was true when the call began."""
    try:
        _check(context)
    except Refused:
        await take_newer_config(context)
        _check(context)


def _check(context: ToolContext) -> None:
    answer = check_takes_orders(calendar_of(context.config), context.now())
    check_all_available(context.cart.lines, context.config.menu, answer.ready_at)


TOOL = Tool(
    name="read_back",
    description=(
        "Donne le récapitulatif à dire en entier à l'appelant avant de passer la commande. "
        "À refaire après tout changement."
    ),
    arguments=ReadBack,
    run=read_back,
)
