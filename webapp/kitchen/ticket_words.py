"""What the kitchen page calls an order's type, its status and the buttons that move it on."""

from typing import Final

from controlplane.models.order import OrderStatus, OrderType
from controlplane.models.order_delivery import OrderDelivery

Button = tuple[OrderStatus | None, str]
"""Where it leads, and what is on it."""

TYPE_LABELS: Final[dict[OrderType, str]] = {
    OrderType.PICKUP: "À emporter",
    OrderType.DELIVERY: "Livraison",
    OrderType.ON_SITE: "Sur place",
}
_STATUS_LABELS: Final[dict[OrderStatus, str]] = {
    OrderStatus.PLACED: "Nouvelle",
    OrderStatus.ACCEPTED: "Acceptée",
    OrderStatus.PREPARING: "En préparation",
    OrderStatus.READY: "Prête",
    OrderStatus.OUT_FOR_DELIVERY: "En livraison",
    OrderStatus.COMPLETED: "Remise",
    OrderStatus.REJECTED: "Refusée",
    OrderStatus.CANCELLED: "Annulée",
    OrderStatus.EXPIRED: "Expirée",
    OrderStatus.NO_SHOW: "Non retirée",
}
_NEXT_BUTTON: Final[dict[OrderStatus, Button]] = {
    OrderStatus.PLACED: (OrderStatus.ACCEPTED, "Accepter"),
    OrderStatus.ACCEPTED: (OrderStatus.PREPARING, "Commencer"),
    OrderStatus.PREPARING: (OrderStatus.READY, "C’est prêt"),
    OrderStatus.READY: (OrderStatus.COMPLETED, "Remise au client"),
    OrderStatus.OUT_FOR_DELIVERY: (OrderStatus.COMPLETED, "Livrée"),
}
_OWN_STATUS_LABELS: Final[dict[OrderType, dict[OrderStatus, str]]] = {
    OrderType.PICKUP: {},
    OrderType.DELIVERY: {OrderStatus.COMPLETED: "Livrée", OrderStatus.NO_SHOW: "Client absent"},
    OrderType.ON_SITE: {OrderStatus.COMPLETED: "Servie", OrderStatus.NO_SHOW: "Client absent"},
}
_OWN_NEXT_BUTTON: Final[dict[OrderType, dict[OrderStatus, Button]]] = {
    OrderType.PICKUP: {},
    OrderType.DELIVERY: {
        OrderStatus.READY: (OrderStatus.OUT_FOR_DELIVERY, "Partie en livraison"),
    },
    OrderType.ON_SITE: {OrderStatus.READY: (OrderStatus.COMPLETED, "Servie")},
}
"""Where a type has words and steps of its own, these stand for the others."""


def status_label(status: OrderStatus, order_type: OrderType) -> str:
    """Name where an order of this type is."""
    return _OWN_STATUS_LABELS[order_type].get(status, _STATUS_LABELS[status])


def next_button(status: OrderStatus, order_type: OrderType) -> Button:
    """Return the ticket's button; it leads nowhere once the order is over."""
    own = _OWN_NEXT_BUTTON[order_type].get(status)
    return own or _NEXT_BUTTON.get(status, (None, ""))


def address_lines(delivery: OrderDelivery) -> tuple[str, ...]:
    """Write the address as an envelope has it, and below what helps to find the door."""
    inside = (delivery.floor, delivery.door_code and f"code {delivery.door_code}")
    lines = (
        f"{delivery.house_number} {delivery.street}".strip(),
        f"{delivery.postcode} {delivery.city}",
        " · ".join(part for part in inside if part),
        delivery.instructions,
    )
    return tuple(line for line in lines if line)
