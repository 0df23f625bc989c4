"""Prices, times and numbers are written as France writes them, on pages that never break them."""

import re
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from jinja2 import UndefinedError

from controlplane.models.order import OrderStatus
from webapp import show
from webapp.kitchen.tickets import Kitchen, Ticket, TicketLine
from webapp.templating import templates

pytestmark = pytest.mark.unit

KITCHEN = Kitchen(UUID(int=1), "Chez <Léa> & fils", ZoneInfo("Europe/Paris"))


def ticket(
    *, status: OrderStatus = OrderStatus.PLACED, note: str = "", customer: str = "Camille"
) -> Ticket:
    return Ticket(
        order_id=UUID(int=2),
        number=12,
        status=status,
        status_label="Nouvelle",
        type_label="À emporter",
        next_status=OrderStatus.ACCEPTED,
        next_label="Accepter",
        lines=(TicketLine(quantity=2, name="Margherita", options=("pâte fine", "œuf")),),
        note=note,
        customer=customer,
        total=show.price(2_450),
        placed_at="19\u00a0h\u00a002",
        ready_at="19\u00a0h\u00a022",
        ready_at_utc="2026-11-22T18:22:00+00:00",
    )


def page(*to_make: Ticket) -> str:
    template = templates().get_template("kitchen/page.html")
    return template.render(
        kitchen=KITCHEN,
        key="k&y",
        newest=7,
        messages=[],
        silent_printers=("Star du passe",),
        to_make=to_make,
        done=(),
    )


@pytest.mark.parametrize(
    ("cents", "text"),
    [
        (0, "0,00\u00a0€"),
        (5, "0,05\u00a0€"),
        (950, "9,50\u00a0€"),
        (123_456, "1\u202f234,56\u00a0€"),
        (-150, "\u22121,50\u00a0€"),
    ],
)
def test_price(cents: int, text: str) -> None:
    assert show.price(cents) == text


def test_clock_and_number_and_units() -> None:
    assert show.clock(datetime(2026, 11, 22, 9, 5, tzinfo=UTC)) == "9\u00a0h\u00a005"
    assert show.last_digits("+33639980134") == "••\u00a034"
    assert show.last_digits(None) == ""
    assert show.unbroken("Coca-Cola 33 cl") == "Coca-Cola 33\u00a0cl"
    assert show.unbroken("Menu 4 classiques") == "Menu 4 classiques"


def test_no_space_on_the_page_may_break_before_high_punctuation() -> None:
    text = re.sub(r"<[^>]*>", "\n", page(ticket(note="sans oignon")))
    assert not re.search(r"[ \t][:;!?€»]", text)


def test_what_a_caller_says_is_text_not_markup() -> None:
    html = page(ticket(note="<script>alert(1)</script>", customer='"><img src=x>'))
    assert "<script>alert" not in html
    assert "<img" not in html
    assert "Chez &lt;Léa&gt; &amp; fils" in html


def test_the_ticket_says_that_it_is_no_receipt() -> None:
    assert "Bon de préparation" in page(ticket())


def test_the_page_has_no_inline_script_or_style() -> None:
    html = page(ticket())
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", html))
    assert "<style" not in html
    assert not re.search(r"\s(style|on[a-z]+)=", html)


def test_the_page_without_javascript_refreshes_and_has_buttons() -> None:
    html = page(ticket())
    assert re.search(r'<noscript><meta http-equiv="refresh" content="\d+"></noscript>', html)
    assert 'method="post"' in html


def test_a_template_that_misses_a_name_fails() -> None:
    with pytest.raises(UndefinedError):
        templates().get_template("kitchen/page.html").render(kitchen=KITCHEN)
