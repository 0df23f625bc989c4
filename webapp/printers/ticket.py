"""The ticket of an order on 80 mm paper: lines with their style, 48 characters wide. Pure.

It is what the kitchen prepares by, no till's receipt (NF525): it says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap
from typing import Final

from webapp import show
from webapp.kitchen.ticket import Ticket

WIDTH: Final = 48
"""Font A has so many characters on 80 mm paper, and half of them in double size."""
RULE: Final = "-" * WIDTH
LEGAL: Final = "Ne vaut ni ticket de caisse ni facture."


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One printed line."""

    text: str
    big: bool = False
    inverse: bool = False
    """White on black: nobody overlooks an allergy."""
    centred: bool = False


def ticket_lines(ticket: Ticket, restaurant: str, *, duplicate: bool) -> list[Line]:
    """Say what is to be made, for when, and what must not be in it."""
    return [
        Line(text=_printable(line.text), big=line.big, inverse=line.inverse, centred=line.centred)
        for line in _lines(ticket, restaurant, duplicate=duplicate)
    ]


def _lines(ticket: Ticket, restaurant: str, *, duplicate: bool) -> Iterator[Line]:
    if duplicate:
        yield Line(text=" DUPLICATA ", big=True, inverse=True, centred=True)
    yield Line(text="BON DE PRÉPARATION", big=True, centred=True)
    yield from _wrapped(restaurant, centred=True)
    yield Line(text=f"n° {ticket.number}", big=True, centred=True)
    yield Line(text=ticket.type_label, big=True, centred=True)
    yield Line(text=f"pour {ticket.ready_at}", big=True, centred=True)
    yield from _wrapped(f"{ticket.customer or 'Client sans nom'} - reçue à {ticket.placed_at}")
    if ticket.replaces:
        yield from _wrapped(f"REMPLACE LA COMMANDE n° {ticket.replaces}", big=True)
    yield Line(text=RULE)
    for words in ticket.allergies:
        yield from _wrapped(f"ALLERGIE : {words.upper()}", big=True, inverse=True)
    for line in ticket.lines:
        yield from _wrapped(f"{line.quantity} x {line.name}", big=True)
        for option in line.options:
            yield from _wrapped(f"  + {option}")
        for dish in line.dishes if line.set_menu else ():
            yield from _wrapped(f"  {dish.quantity} x {dish.name}", big=True)
    if ticket.note:
        yield Line(text=RULE)
        yield from _wrapped(f"NOTE : {ticket.note}", big=True)
    if ticket.address:
        yield Line(text=RULE)
        yield from _wrapped(f"LIVRER POUR {ticket.deliver_at}", big=True)
        for part in ticket.address:
            yield from _wrapped(part)
    yield Line(text=RULE)
    yield from _wrapped(ticket.payment)
    yield Line(text=ticket.total.rjust(WIDTH))
    yield Line(text="Bon de préparation.", centred=True)
    yield Line(text=LEGAL, centred=True)


def _wrapped(
    text: str, *, big: bool = False, inverse: bool = False, centred: bool = False
) -> Iterator[Line]:
    for part in wrap(_printable(text), WIDTH // 2 if big else WIDTH, subsequent_indent="  "):
        yield Line(text=part, big=big, inverse=inverse, centred=centred)


def _printable(text: str) -> str:
    """Nothing that a caller said is a command to the printer."""
    plain = text.replace(show.NO_BREAK, " ").replace(show.NARROW_NO_BREAK, " ")
    return "".join(each if each.isprintable() else " " for each in plain)
