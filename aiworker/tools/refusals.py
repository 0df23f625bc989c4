"""What the restaurant's rules refuse, in words: the one place where a domain error becomes speech.

Each gets a `code` for the model and a French sentence for the caller.
"""

from typing import Final

from aiworker.tools.tool import ToolError
from controlplane.contracts.restaurant_config import OptionGroup
from controlplane.restaurants.errors import (
    CartEmpty,
    CartFull,
    Closed,
    DishSoldOut,
    HoursUnconfirmed,
    KeyOfAnotherCart,
    NotANumber,
    NotAvailable,
    NotNow,
    NotReplaceable,
    NotTakingOrders,
    OffMenu,
    OptionMissing,
    OptionSoldOut,
    OrderNotCommitted,
    OrdersPaused,
    OrderUnsettled,
    PriceChanged,
    RestaurantError,
    SlotFull,
    TooFewLeft,
    TooManyOfOne,
    TooManyOptions,
    UnknownLine,
)
from controlplane.spoken.not_now import spoken_refusal
from controlplane.spoken.spoken_french import number, price

_NO_ORDER: Final = (
    "La commande n'est pas passée, ne la passe pas. Propose take_message ou transfer_to_human."
)
_NOT_NOW: Final[dict[type[NotNow], str]] = {
    NotTakingOrders: "not_taking_orders",
    SlotFull: "slot_full",
    OrdersPaused: "orders_paused",
    HoursUnconfirmed: "hours_unconfirmed",
    Closed: "closed",
}
_UNSETTLED: Final = "Je n'ai pas pu vérifier que la commande est bien enregistrée"
_NEITHER: Final = "Ne dis ni qu'elle est passée, ni qu'elle ne l'est pas, et ne la repasse pas."


def in_words(error: RestaurantError) -> ToolError:
    """What the model is told; of an error no tool should meet, a sentence that promises nothing."""
    match error:
        case UnknownLine():
            return ToolError("unknown_line", "Je ne trouve pas cette ligne dans la commande.")
        case NotAvailable():
            return ToolError(
                "not_available_then",
                spoken_refusal(error),
                next="Le plat ne peut pas être commandé maintenant : propose autre chose.",
            )
        case NotNow() if type(error) in _NOT_NOW:
            return ToolError(_NOT_NOW[type(error)], spoken_refusal(error), next=_NO_ORDER)
        case PriceChanged(spoken_name=name, cents=cents):
            return ToolError(
                "price_changed",
                f"Le prix vient de changer : {name}, c'est maintenant {price(cents)}.",
                next="La commande n'est pas passée. Dis le nouveau prix, puis refais read_back.",
            )
        case OffMenu(spoken_name=name):
            return ToolError("off_menu", f"{name} n'est plus à la carte.")
        case CartEmpty():
            return ToolError("cart_empty", "La commande est vide.")
        case CartFull():
            return ToolError("too_many_lines", "La commande est trop longue pour le téléphone.")
        case TooManyOfOne(most=most):
            spoken = f"Je peux prendre au plus {number(most)} exemplaires d'un plat."
            return ToolError("quantity_too_large", spoken)
        case DishSoldOut(item=item):
            return ToolError("sold_out", f"{item.spoken_name or item.name} n'est plus disponible.")
        case TooFewLeft(spoken_name=name, left=0):
            return ToolError("sold_out", f"{name} n'est plus disponible.")
        case TooFewLeft(spoken_name=name, left=1):
            return ToolError("too_few_left", f"Il ne reste qu'une portion de {name}.")
        case TooFewLeft(spoken_name=name, left=left):
            spoken = f"Il ne reste que {number(left)} portions de {name}."
            return ToolError("too_few_left", spoken)
        case OptionSoldOut(option=option):
            return ToolError("option_sold_out", f"{option.spoken_name} n'est plus disponible.")
        case OptionMissing(group=group):
            spoken = f"Il faut choisir pour {group.name} : {_choices(group)}."
            return ToolError("option_missing", spoken)
        case TooManyOptions(group=group):
            at_most = number(group.max_select, feminine=True)
            spoken = f"{group.name} : {at_most} au maximum parmi {_choices(group)}."
            return ToolError("too_many_options", spoken)
        case NotReplaceable():
            return ToolError(
                "too_late_to_change",
                "Cette commande ne peut plus être modifiée. "
                "Voulez-vous que je vous passe le restaurant ?",
                next="La première commande reste telle quelle, rien de nouveau n'est passé. "
                "Propose transfer_to_human.",
            )
        case NotANumber():
            return ToolError("invalid_phone", "Je n'ai pas bien compris le numéro de téléphone.")
        case OrderNotCommitted():
            return ToolError(
                "orders_unavailable",
                "Je n'arrive pas à enregistrer la commande pour le moment. "
                "Voulez-vous que je vous passe le restaurant ?",
                next="La commande n'est pas passée. Propose transfer_to_human.",
            )
        case KeyOfAnotherCart():
            return ToolError(
                "another_order",
                "J'ai un doute sur la commande : je préfère vous passer le restaurant.",
                next="La commande n'est pas passée. Appelle transfer_to_human.",
            )
        case OrderUnsettled(reachable=True):
            return ToolError(
                "order_unsettled",
                f"{_UNSETTLED} : le restaurant vous rappelle pour vous le confirmer.",
                next=_NEITHER,
            )
        case OrderUnsettled():
            return ToolError(
                "order_unsettled",
                f"{_UNSETTLED}. Je vous passe le restaurant, qui vous le confirmera.",
                next=f"{_NEITHER} Appelle transfer_to_human.",
            )
        case _:
            return ToolError("not_possible", "Ce n'est pas possible.")


def _choices(group: OptionGroup) -> str:
    return ", ".join(option.name for option in group.options if not option.sold_out)
