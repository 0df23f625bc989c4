"""What the kitchen page calls an order's type, its status and the buttons that move it on."""

from typing import Final

from controlplane.models.order import OrderStatus, OrderType
from controlplane.models.order_delivery import OrderDelivery
from webapp.words import N_, _

Button = tuple[OrderStatus | None, str]
"""Where it leads, and what is on it."""

_TYPE_LABELS: Final[dict[OrderType, str]] = {
    OrderType.PICKUP: N_("À emporter"),
    OrderType.DELIVERY: N_("Livraison"),
    OrderType.ON_SITE: N_("Sur place"),
}
_STATUS_LABELS: Final[dict[OrderStatus, str]] = {
    OrderStatus.PLACED: N_("Nouvelle"),
    OrderStatus.ACCEPTED: N_("Acceptée"),
    OrderStatus.PREPARING: N_("En préparation"),
    OrderStatus.READY: N_("Prête"),
    OrderStatus.OUT_FOR_DELIVERY: N_("En livraison"),
    OrderStatus.COMPLETED: N_("Remise"),
    OrderStatus.REJECTED: N_("Refusée"),
    OrderStatus.CANCELLED: N_("Annulée"),
    OrderStatus.EXPIRED: N_("Expirée"),
    OrderStatus.NO_SHOW: N_("Non retirée"),
}
_NEXT_BUTTON: Final[dict[OrderStatus, Button]] = {
    OrderStatus.PLACED: (OrderStatus.ACCEPTED, N_("Accepter")),
    OrderStatus.ACCEPTED: (OrderStatus.PREPARING, N_("Commencer")),
    OrderStatus.PREPARING: (OrderStatus.READY, N_("C’est prêt")),
    OrderStatus.READY: (OrderStatus.COMPLETED, N_("Remise au client")),
    OrderStatus.OUT_FOR_DELIVERY: (OrderStatus.COMPLETED, N_("Livrée")),
}
_OWN_STATUS_LABELS: Final[dict[OrderType, dict[OrderStatus, str]]] = {
    OrderType.PICKUP: {},
    OrderType.DELIVERY: {
        OrderStatus.COMPLETED: N_("Livrée"),
        OrderStatus.NO_SHOW: N_("Client absent"),
    },
    OrderType.ON_SITE: {
        OrderStatus.COMPLETED: N_("Servie"),
        OrderStatus.NO_SHOW: N_("Client absent"),
    },
}
_OWN_NEXT_BUTTON: Final[dict[OrderType, dict[OrderStatus, Button]]] = {
    OrderType.PICKUP: {},
    OrderType.DELIVERY: {
        OrderStatus.READY: (OrderStatus.OUT_FOR_DELIVERY, N_("Partie en livraison")),
    },
    OrderType.ON_SITE: {OrderStatus.READY: (OrderStatus.COMPLETED, N_("Servie"))},
}
"""Where a type has words and steps of its own, these stand for the others."""


def type_label(order_type: OrderType) -> str:
    """Name how the customer gets it."""
    return _(_TYPE_LABELS[order_type])


def status_label(status: OrderStatus, order_type: OrderType) -> str:
    """Name where an order of this type is."""
    return _(_OWN_STATUS_LABELS[order_type].get(status, _STATUS_LABELS[status]))


def next_button(status: OrderStatus, order_type: OrderType) -> Button:
    """Return the ticket's button; it leads nowhere once the order is over."""
    own = _OWN_NEXT_BUTTON[order_type].get(status)
    to, label = own or _NEXT_BUTTON.get(status, (None, ""))
    return to, _(label) if label else ""


def address_lines(delivery: OrderDelivery) -> tuple[str, ...]:
    """Write the address as an envelope has it, and below what helps to find the door."""
    inside = (delivery.floor, delivery.door_code and _("code %(code)s", code=delivery.door_code))
    lines = (
        f"{delivery.house_number} {delivery.street}".strip(),
        f"{delivery.postcode} {delivery.city}",
        " · ".join(part for part in inside if part),
        delivery.instructions,
    )
    return tuple(line for line in lines if line)
