"""An invoice's lines and totals equal the exact rationals, in any order of what was used."""

from datetime import date
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.billing.invoice_lines import Used, invoice_lines
from controlplane.models.invoice import LineKind
from controlplane.models.usage_record import UsageKind
from tests.unit.billing.invoices import NOVEMBER, PLAN, document, used

pytestmark = pytest.mark.unit

USED = st.builds(
    used,
    st.sampled_from(UsageKind),
    st.integers(0, 10**6),
    before=st.integers(0, 10**5),
    month=st.sampled_from([NOVEMBER, date(2026, 10, 1)]),
)


def half_up(exact: Fraction) -> int:
    return (exact + Fraction(1, 2)).__floor__()


def exact_cents(one: Used) -> Fraction:
    """The oracle: what was used beyond the plan's minutes, at its price."""
    match one.kind:
        case UsageKind.CALL:
            free = Fraction(PLAN.included_minutes)
            after, before = (
                max(Fraction(0), Fraction(seconds, 60) - free)
                for seconds in (one.before + one.quantity, one.before)
            )
            return (after - before) * PLAN.minute_micros / 10_000
        case UsageKind.SMS:
            return Fraction(one.quantity * PLAN.sms_micros, 10_000)
        case UsageKind.NUMBER:
            return Fraction(one.quantity * PLAN.number_fee_cents)


@given(st.lists(USED, max_size=6))
def test_totals_and_vat_are_exact_and_rounded_once_each(usages: list[Used]) -> None:
    made = document(*usages)
    net = PLAN.base_fee_cents + sum(half_up(exact_cents(one)) for one in usages)
    assert made.net_cents == sum(line.net_cents for line in made.lines) == net
    assert made.vat_cents == half_up(Fraction(net) / 5)
    assert made.total_cents == made.net_cents + made.vat_cents


def test_the_order_of_what_was_used_changes_nothing() -> None:
    usages = [used(), used(UsageKind.SMS, 7), used(UsageKind.NUMBER, 2)]
    made = {invoice_lines(NOVEMBER, PLAN, order) for order in permutations(usages)}
    assert len(made) == 1
    assert [line.kind for line in made.pop()] == list(LineKind)


def test_minutes_included_are_not_billed_and_said() -> None:
    _, calls = invoice_lines(NOVEMBER, PLAN, [used(quantity=10_000)])
    assert (calls.quantity, calls.per, calls.net_cents) == (4_000, 60, 1_000)
    assert calls.description == (
        "Appels, novembre 2026\N{NO-BREAK SPACE}: 166\N{NO-BREAK SPACE}min 40\N{NO-BREAK SPACE}s,"
        " dont 100\N{NO-BREAK SPACE}min 00\N{NO-BREAK SPACE}s comprises dans l’abonnement"
    )


def test_what_came_late_names_its_month_and_has_no_base_fee() -> None:
    late = used(month=date(2026, 10, 1), before=6_000, quantity=60)
    first, base = invoice_lines(NOVEMBER, PLAN, [late])
    assert (first.month, first.net_cents) == (date(2026, 10, 1), 15)
    assert (base.kind, base.month) == (LineKind.BASE, NOVEMBER)


def test_who_has_no_plan_any_more_pays_no_base_fee() -> None:
    assert [line.kind for line in invoice_lines(NOVEMBER, None, [used()])] == [LineKind.CALLS]
