"""Step 9 of a call: the tool that places the order, committed before the model can say so."""

from pydantic import Field

from aiworker.tools.context import ToolContext
from aiworker.tools.newer_config import take_newer_config
from aiworker.tools.tool import Arguments, Result, Tool, ToolError
from controlplane.restaurants.errors import CartEmpty, OrderUnsettled, Refused
from controlplane.restaurants.order_draft import OrderDraft, PlacedOrder, idempotency_key
from controlplane.restaurants.read_number import read_number
from controlplane.spoken.ready import spoken_ready
from controlplane.spoken.spoken_french import number, price


class PlaceOrder(Arguments):
    customer_name: str | None = Field(
        default=None, max_length=80, description="Nom pour le retrait, si l'appelant l'a donné."
    )
    phone: str | None = Field(
        default=None,
        max_length=32,
        description="Numéro donné par l'appelant, seulement s'il en veut un autre que celui d'où "
        "il appelle.",
    )
    note: str = Field(default="", max_length=200, description="Remarque pour la cuisine.")
    allergy: str = Field(
        default="",
        max_length=120,
        description="Allergie que l'appelant a dite, avec ses mots : la cuisine doit la voir avant "
        "de remettre la commande. Ce n'est pas une garantie.",
    )


async def place_order(context: ToolContext, arguments: PlaceOrder) -> Result:
    """Raises `ToolError` when the cart was not read back, heard and answered as it stands.

    Raises `NotANumber` and what `restaurants.place_order` raises too.
    """
    cart = context.cart
    if not cart.lines and context.unsettled:
        raise OrderUnsettled(reachable=context.caller_number is not None)
    if not cart.lines and context.placed:
        return placed_result(context.placed[-1])
    _check_confirmed(context)
    draft = OrderDraft(
        restaurant_id=context.config.id,
        call_id=context.call_id,
        idempotency_key=idempotency_key(context.call_id, cart),
        confirmed_at=context.now(),
        lines=cart.lines,
        customer_name=arguments.customer_name,
        customer_phone_e164=_phone(context, arguments.phone),
        note=cart.kitchen_note(arguments.note),
        allergy=arguments.allergy.strip() or None,
    )
    try:
        order = await context.place_order(draft)
    except OrderUnsettled:
        context.unsettled.add(draft.idempotency_key)
        _begin_anew(context)
        raise OrderUnsettled(reachable=draft.customer_phone_e164 is not None) from None
    except Refused:
        await take_newer_config(context)
        raise
    context.placed.append(order)
    _begin_anew(context)
    return placed_result(order)


def _begin_anew(context: ToolContext) -> None:
    """What comes next is another order."""
    context.cart.clear()
    context.changed()


def _check_confirmed(context: ToolContext) -> None:
    if not context.cart.lines:
        raise CartEmpty
    if not context.read_back.was_heard(context.cart.revision):
        raise ToolError(
            "read_back_needed",
            "Je vous relis d'abord la commande.",
            next="Appelle read_back, dis le récapitulatif en entier, attends la réponse.",
        )
    if not context.read_back.was_answered():
        raise ToolError(
            "confirmation_needed",
            "C'est bien cela ?",
            next="L'appelant n'a pas encore répondu au récapitulatif : attends sa réponse.",
        )


def _phone(context: ToolContext, given: str | None) -> str | None:
    """The number the caller gave, else the one they call from. Raises `NotANumber`."""
    return read_number(given, own=context.config.phone_e164) if given else context.caller_number


def placed_result(order: PlacedOrder) -> Result:
    """What the caller is told of it, as it is in Postgres."""
    return {
        "status": "placed",
        "order_number": order.number,
        "total_cents": order.total_cents,
        "ready_at": order.ready_at_local.strftime("%H:%M"),
        "spoken": (
            f"Votre commande numéro {number(order.number)} est enregistrée. "
            f"{spoken_ready(order.ready_at_local)}, pour {price(order.total_cents)}."
        ),
    }


TOOL = Tool(
    name="place_order",
    description=(
        "Enregistre la commande en cuisine, une fois le récapitulatif entendu et confirmé par "
        "l'appelant. La commande n'existe pas avant la réponse « placed »."
    ),
    arguments=PlaceOrder,
    run=place_order,
)
