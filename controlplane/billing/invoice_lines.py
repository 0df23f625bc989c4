"""The lines of an invoice, from a plan's prices and what was used. Pure.

An invoice and its check (`controlplane/billing/verify.py`) both come here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol
from uuid import UUID

from controlplane.billing.amounts import (
    MICROS_PER_CENT,
    SECONDS_PER_MINUTE,
    beyond_included,
    net_cents,
)
from controlplane.billing.months import in_french
from controlplane.models.invoice import LineKind
from controlplane.models.usage_record import UsageKind

_ORDER: Final = list(LineKind)
_LINE_OF: Final = {
    UsageKind.CALL: LineKind.CALLS,
    UsageKind.SMS: LineKind.SMS,
    UsageKind.NUMBER: LineKind.NUMBERS,
}


class Prices(Protocol):
    """A version of a plan (`controlplane/models/plan.py`)."""

    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def base_fee_cents(self) -> int: ...
    @property
    def included_minutes(self) -> int: ...
    @property
    def minute_micros(self) -> int: ...
    @property
    def number_fee_cents(self) -> int: ...
    @property
    def sms_micros(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """How much of one kind an invoice bills of one month, and how much of it earlier ones did."""

    month: date
    plan: Prices
    kind: UsageKind
    quantity: int
    before: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`per` units cost `unit_micros` net; calls are counted in seconds and priced by the minute."""

    kind: LineKind
    month: date
    plan_id: UUID
    description: str
    quantity: int
    unit_micros: int
    per: int = 1

    @property
    def net_cents(self) -> int:
        return net_cents(self.quantity, self.unit_micros, per=self.per)


def invoice_lines(month: date, plan: Prices | None, used: Iterable[Used]) -> tuple[Line, ...]:
    """The month's base fee, and all that was used; what came late names its own month."""
    base = [] if plan is None else [_base(month, plan)]
    lines = [*base, *map(_line, used)]
    return tuple(sorted(lines, key=lambda line: (line.month, _ORDER.index(line.kind))))


def _base(month: date, plan: Prices) -> Line:
    return Line(
        kind=LineKind.BASE,
        month=month,
        plan_id=plan.id,
        description=f"Abonnement {plan.name}, {in_french(month)}",
        quantity=1,
        unit_micros=plan.base_fee_cents * MICROS_PER_CENT,
    )


def _line(used: Used) -> Line:
    plan, billed, per = used.plan, used.quantity, 1
    match used.kind:
        case UsageKind.CALL:
            included = plan.included_minutes * SECONDS_PER_MINUTE
            billed = beyond_included(used.quantity, before=used.before, included=included)
            price, per = plan.minute_micros, SECONDS_PER_MINUTE
            what = f"Appels, {in_french(used.month)}\N{NO-BREAK SPACE}: {_calls(used, billed)}"
        case UsageKind.SMS:
            price = plan.sms_micros
            what = f"SMS, {in_french(used.month)} (un message long en compte plusieurs)"
        case UsageKind.NUMBER:
            price = plan.number_fee_cents * MICROS_PER_CENT
            what = f"Numéros de téléphone, {in_french(used.month)}"
    return Line(
        kind=_LINE_OF[used.kind],
        month=used.month,
        plan_id=plan.id,
        description=what,
        quantity=billed,
        unit_micros=price,
        per=per,
    )


def _calls(used: Used, billed: int) -> str:
    free = used.quantity - billed
    return f"{_clock(used.quantity)}, dont {_clock(free)} comprises dans l’abonnement"


def _clock(seconds: int) -> str:
    minutes, rest = divmod(seconds, SECONDS_PER_MINUTE)
    return f"{minutes}\N{NO-BREAK SPACE}min {rest:02}\N{NO-BREAK SPACE}s"
