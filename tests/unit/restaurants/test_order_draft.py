"""What a draft comes to is what the database's checks of an order and its VAT lines want."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.contracts.identifiers import new_id
from controlplane.models.order import OrderType
from controlplane.restaurants.cart import CartLine
from controlplane.restaurants.delivery_zones import Delivery
from controlplane.restaurants.money import vat_by_rate
from controlplane.restaurants.order_draft import OrderDraft
from tests.integration.delivery_orders import BELLECOUR, TO_BELLECOUR, brought

pytestmark = pytest.mark.unit


def line(*, quantity: int, unit_price_cents: int, vat_rate_bp: int) -> CartLine:
    return CartLine(
        line=1,
        item_id=new_id(),
        name="x",
        spoken_name="x",
        category="x",
        quantity=quantity,
        unit_price_cents=unit_price_cents,
        vat_rate_bp=vat_rate_bp,
    )


LINES = st.lists(
    st.builds(
        line,
        quantity=st.integers(1, 20),
        unit_price_cents=st.integers(0, 100_000),
        vat_rate_bp=st.sampled_from([550, 1_000, 2_000]),
    ),
    min_size=1,
    max_size=12,
)


@given(LINES, st.integers(0, 5_000))
def test_totals_and_vat_are_what_the_database_checks(lines: list[CartLine], fee: int) -> None:
    delivery = Delivery(address=BELLECOUR, zone="Centre", fee_cents=fee, delay_minutes=15)
    draft = brought().model_copy(update={"lines": tuple(lines), "delivery": delivery})
    assert draft.total_cents == draft.items_cents + draft.delivery_cents
    assert draft.items_cents == sum(line.total_cents for line in lines)
    shares = vat_by_rate(draft.lines, delivery_cents=draft.delivery_cents)
    assert sum(share.gross_cents for share in shares) == draft.total_cents
    for share in shares:
        doubled = 2 * share.gross_cents * share.rate_bp + 10_000 + share.rate_bp
        assert share.vat_cents == doubled // (2 * (10_000 + share.rate_bp))


@pytest.mark.parametrize(
    "wrong",
    [
        {"order_type": OrderType.DELIVERY},
        {"delivery": TO_BELLECOUR},
        {"order_type": OrderType.ON_SITE, "delivery": TO_BELLECOUR},
        {"order_type": OrderType.PICKUP, "table_name": "12"},
        {"order_type": OrderType.ON_SITE, "table_name": ""},
    ],
)
def test_a_draft_names_an_address_for_a_delivery_alone_and_a_table_on_site_alone(
    wrong: dict[str, object],
) -> None:
    fetched = brought().model_dump() | {"order_type": OrderType.PICKUP, "delivery": None}
    assert OrderDraft.model_validate(fetched).table_name is None
    there = fetched | {"order_type": OrderType.ON_SITE, "table_name": "12"}
    assert OrderDraft.model_validate(there).table_name == "12"
    with pytest.raises(ValueError, match=r"table|delivery"):
        OrderDraft.model_validate(fetched | wrong)
