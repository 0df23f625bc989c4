"""An order that is being typed: its lines travel in the page itself, so that nothing is kept on the
server before it is placed, and a page that is sent again is the same order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from controlplane.contracts.clean_text import clean_text
from controlplane.contracts.identifiers import new_id
from controlplane.models.order import OrderType
from controlplane.models.order_delivery import OrderDelivery
from controlplane.restaurants.cart import MOST_LINES, MOST_OF_ONE
from controlplane.restaurants.delivery_zones import Address
from controlplane.restaurants.order_by_hand import TypedLine
from controlplane.restaurants.take_by_hand import TypedOrder
from webapp.forms import Form, read_uuid, read_whole
from webapp.orders.queries import OrderRead
from webapp.words import _

LONGEST: Final = {"customer_name": 80, "phone": 32, "note": 200, "allergy": 120, "table_name": 20}
ADDRESS: Final = ("house_number", "street", "postcode", "city", "floor", "door_code")


@dataclass(slots=True)
class OrderForm:
    """What was typed so far. `form.values` are the texts, as typed."""

    form: Form
    key: UUID
    lines: tuple[TypedLine, ...] = ()
    order_type: OrderType = OrderType.PICKUP
    replaces: UUID | None = None
    choosing: UUID | None = None
    """The dish whose options are being chosen."""
    chosen: tuple[UUID, ...] = ()
    found: str = ""
    """What is known of the number that was looked for."""

    @classmethod
    def empty(cls, *, replaces: UUID | None = None) -> "OrderForm":
        return cls(form=Form(), key=new_id(), replaces=replaces)

    @classmethod
    def read(cls, form: Form) -> "OrderForm":
        """What a page sent; what nobody could have sent from it is dropped."""
        lines = [line for text in form.all("line") if (line := read_line(text))]
        options = [
            option
            for name, texts in form.many.items()
            if name.startswith("group-")
            for text in texts
            if (option := read_uuid(text))
        ]
        return cls(
            form=form,
            key=read_uuid(form.text("key")) or new_id(),
            lines=tuple(lines[:MOST_LINES]),
            order_type=_order_type(form.text("order_type")),
            replaces=read_uuid(form.text("replaces")),
            choosing=read_uuid(form.text("choosing")),
            chosen=tuple(options),
        )

    def text(self, name: str) -> str:
        return clean_text(self.form.text(name))

    @property
    def quantity(self) -> int:
        written = read_whole(self.form.text("quantity"))
        return 1 if written is None else min(written, MOST_OF_ONE)

    def typed(self, zone: ZoneInfo) -> TypedOrder | None:
        """The order; None when a field of it is wrong, which `form.errors` then say."""
        self._check_lengths()
        address = self._address() if self.order_type is OrderType.DELIVERY else None
        wanted_at = self._wanted_at(zone)
        told = read_whole(self.form.text("told"))
        if self.form.errors:
            return None
        return TypedOrder(
            form=self.key,
            lines=self.lines,
            order_type=self.order_type,
            told_cents=-1 if told is None else told,
            wanted_at=wanted_at,
            address=address,
            table_name=self.text("table_name") if self.order_type is OrderType.ON_SITE else "",
            customer_name=self.text("customer_name"),
            phone=self.text("phone"),
            note=self.text("note"),
            allergy=self.text("allergy"),
            replaces_id=self.replaces,
        )

    def address(self) -> Address | None:
        """Where it goes, as far as it is typed; None while it is not whole."""
        try:
            return Address(
                **{name: self.text(name) for name in ADDRESS},
                instructions=self.text("instructions"),
            )
        except ValidationError:
            return None

    def _address(self) -> Address | None:
        address = self.address()
        if address is None:
            missing = {
                "street": _("Écrivez la rue."),
                "postcode": _("Un code postal a cinq chiffres, comme 69002."),
                "city": _("Écrivez la ville."),
            }
            wrong = [name for name in missing if not self.text(name)] or ["postcode"]
            for name in wrong:
                self.form.fail(name, missing[name])
        return address

    def _wanted_at(self, zone: ZoneInfo) -> datetime | None:
        written = self.form.text("wanted_at")
        if not written:
            return None
        at = _instant(written)
        if at is None:
            self.form.fail("wanted_at", _("Choisissez une heure de la liste."))
            return None
        return at.astimezone(zone)

    def wanted_other_than(self, times: Sequence[datetime]) -> datetime | None:
        """The time that was chosen, when it is not offered any more: it stays, and is refused."""
        at = _instant(self.form.text("wanted_at"))
        return None if at is None or at in times else at

    def _check_lengths(self) -> None:
        for name, longest in LONGEST.items():
            if len(self.text(name)) > longest:
                self.form.fail(name, _("%(longest)s caractères au plus.", longest=longest))


def read_line(text: str) -> TypedLine | None:
    """Return what `item:quantity:option,option` says; None of what says nothing."""
    item, _colon, rest = text.partition(":")
    written, _colon, options = rest.partition(":")
    item_id, quantity = read_uuid(item), read_whole(written)
    option_ids = [read_uuid(option) for option in options.split(",") if option]
    if item_id is None or quantity is None:
        return None
    return TypedLine(
        item_id=item_id,
        option_ids=tuple(option for option in option_ids if option),
        quantity=max(1, min(quantity, MOST_OF_ONE)),
    )


def written_line(line: TypedLine) -> str:
    """Write what `read_line` reads."""
    return f"{line.item_id}:{line.quantity}:{','.join(map(str, line.option_ids))}"


def moved(line: TypedLine, by: int) -> TypedLine:
    """The line with more or fewer of its dish, one at least."""
    return replace(line, quantity=max(1, min(line.quantity + by, MOST_OF_ONE)))


def typed_again(order: OrderRead, address: OrderDelivery | None) -> OrderForm:
    """The page of an order that is to be corrected, with all that is known of it."""
    values = {
        "customer_name": order.customer_name or "",
        "phone": order.customer_phone_e164 or "",
        "note": order.note,
        "allergy": ", ".join(one.words for one in order.allergies),
        "table_name": order.table_name or "",
    }
    if address is not None:
        values |= {name: getattr(address, name) for name in (*ADDRESS, "instructions")}
    return OrderForm(
        form=Form(values=values),
        key=new_id(),
        lines=tuple(
            TypedLine(
                item_id=line.menu_item_id,
                option_ids=tuple(UUID(option["id"]) for option in line.options),
                quantity=min(line.quantity, MOST_OF_ONE),
            )
            for line in order.lines
        ),
        order_type=order.order_type,
        replaces=order.id,
    )


def _instant(text: str) -> datetime | None:
    """Read an instant of this century, which every zone can spell."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None and 2000 <= at.year <= 2099 else None


def _order_type(text: str) -> OrderType:
    try:
        return OrderType(text)
    except ValueError:
        return OrderType.PICKUP
