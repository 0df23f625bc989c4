"""What is left to do about an order's payment follows from cents alone, and never invents money."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.models.order import NEVER_MADE, NEXT_STATUSES, OrderStatus, OrderType
from controlplane.models.payment_link import NEXT_LINK_STATUSES, OPEN, PaymentLinkStatus
from controlplane.models.restaurant import PaymentPolicy
from controlplane.restaurants.payment_notices import reminders
from controlplane.restaurants.payment_policy import must_be_paid
from controlplane.restaurants.payment_standing import LinkFacts, Paid, standing

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 28, 19, tzinfo=UTC)
SOON, BEFORE = NOW + timedelta(minutes=5), NOW - timedelta(seconds=1)
CENTS = st.integers(0, 10_000)


def link(
    status: PaymentLinkStatus = PaymentLinkStatus.SENT,
    *,
    required: bool = False,
    expires_at: datetime = SOON,
) -> LinkFacts:
    return LinkFacts(status=status, required=required, expires_at=expires_at)


LINKS = st.none() | st.builds(
    link,
    st.sampled_from(PaymentLinkStatus),
    required=st.booleans(),
    expires_at=st.sampled_from([SOON, BEFORE]),
)


@pytest.mark.parametrize(
    ("status", "total", "received", "facts", "paid", "cents"),
    [
        (OrderStatus.PLACED, 2_450, 0, None, Paid.UNTOLD, 0),
        (OrderStatus.PLACED, 2_450, 0, link(), Paid.AWAITED, 2_450),
        (OrderStatus.PLACED, 2_450, 0, link(expires_at=BEFORE), Paid.TO_PAY, 2_450),
        (OrderStatus.PLACED, 2_450, 0, link(expires_at=NOW), Paid.TO_PAY, 2_450),
        (OrderStatus.PLACED, 2_450, 0, link(expires_at=BEFORE, required=True), Paid.UNPAID, 2_450),
        (OrderStatus.READY, 2_450, 2_450, link(PaymentLinkStatus.PAID), Paid.IN_FULL, 2_450),
        (OrderStatus.PLACED, 2_950, 2_450, None, Paid.TO_PAY, 500),
        (OrderStatus.PLACED, 1_950, 2_450, None, Paid.REFUND_DUE, 500),
        (OrderStatus.REJECTED, 2_450, 2_450, link(), Paid.REFUND_DUE, 2_450),
        (OrderStatus.NO_SHOW, 2_450, 2_450, link(), Paid.IN_FULL, 2_450),
        (OrderStatus.COMPLETED, 2_450, 0, link(PaymentLinkStatus.CANCELLED), Paid.UNTOLD, 0),
        (OrderStatus.PLACED, 2_450, 0, link(PaymentLinkStatus.REFUNDED), Paid.TO_PAY, 2_450),
        (OrderStatus.PLACED, 2_450, -2_450, link(), Paid.AWAITED, 2_450),
    ],
)
def test_what_a_ticket_says(
    status: OrderStatus, total: int, received: int, facts: LinkFacts | None, paid: Paid, cents: int
) -> None:
    found = standing(status, total, received, facts, now=NOW)
    assert (found.paid, found.cents) == (paid, cents)


@given(st.sampled_from(OrderStatus), CENTS, CENTS, LINKS)
def test_the_cents_are_what_differs(
    status: OrderStatus, total: int, received: int, facts: LinkFacts | None
) -> None:
    found = standing(status, total, received, facts, now=NOW)
    due = 0 if status in NEVER_MADE else total
    match found.paid:
        case Paid.REFUND_DUE:
            assert found.cents == received - due > 0
        case Paid.IN_FULL:
            assert found.cents == due == received > 0
        case Paid.UNTOLD:
            assert received <= due
            assert not NEXT_STATUSES[status] or not (facts or received)
        case _:
            assert found.cents == due - received
            assert NEXT_STATUSES[status]
    if found.paid is Paid.UNPAID:
        assert facts is not None
        assert facts.required


def test_no_link_leaves_its_end() -> None:
    ends = {status for status, following in NEXT_LINK_STATUSES.items() if not following}
    assert ends == {
        PaymentLinkStatus.EXPIRED,
        PaymentLinkStatus.CANCELLED,
        PaymentLinkStatus.REFUNDED,
    }
    assert NEXT_LINK_STATUSES.keys() == set(PaymentLinkStatus)
    assert all(PaymentLinkStatus.PAID in NEXT_LINK_STATUSES[status] for status in OPEN)


@pytest.mark.parametrize(
    ("policy", "pick_up", "delivery"),
    [
        (PaymentPolicy.AT_PICKUP, None, None),
        (PaymentPolicy.LINK_OPTIONAL, False, False),
        (PaymentPolicy.LINK_REQUIRED_FOR_DELIVERY, False, True),
    ],
)
def test_only_what_is_delivered_must_be_paid_before(
    policy: PaymentPolicy,
    pick_up: bool | None,  # noqa: FBT001 (pytest gives it by its name)
    delivery: bool | None,  # noqa: FBT001
) -> None:
    assert must_be_paid(policy, OrderType.PICKUP) is pick_up
    assert must_be_paid(policy, OrderType.DELIVERY) is delivery


@pytest.mark.parametrize(
    ("required", "minutes", "told"),
    [
        (False, 60, [0]),
        (True, 5, [0]),
        (True, 7, [0]),
        (True, 8, [0, 5]),
        (True, 12, [0, 5]),
        (True, 20, [0, 5, 10]),
    ],
)
def test_who_must_pay_first_is_reminded_while_there_is_time(
    required: bool,  # noqa: FBT001 (pytest gives it by its name)
    minutes: int,
    told: list[int],
) -> None:
    after = [timedelta(minutes=each) for each in told]
    assert reminders(required=required, minutes=minutes) == after
