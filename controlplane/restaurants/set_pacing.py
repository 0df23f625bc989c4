"""How much the kitchen promises a slot is written; the next order goes by it. Who calls commits.

A rule's slots cannot change length, for its counters begin by it: another length is another rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.opening import ORDER_KINDS, OpeningKind
from controlplane.models.pacing import PacingRule, PacingUnit
from controlplane.restaurants.audit import audit
from controlplane.restaurants.hour_windows import Window, spelt
from controlplane.restaurants.setup_errors import PacesNothing, TooManyOf, UnknownPacing
from controlplane.restaurants.setup_lock import lock_setup

MOST_RULES: Final = 20
"""Every order locks a counter of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """At most `most` of `unit` a slot; on no weekday named, on all; without a window, always."""

    kinds: frozenset[OpeningKind]
    unit: PacingUnit
    most: int
    slot_minutes: int
    weekdays: frozenset[int] = frozenset()
    window: Window | None = None


async def add_pacing(session: AsyncSession, restaurant_id: UUID, pace: Pace, *, actor: str) -> UUID:
    """Add a rule beside the others, all of which bind. Raises `PacesNothing`, `TooManyOf`."""
    if not pace.kinds or pace.kinds - ORDER_KINDS or pace.unit is PacingUnit.COVERS:
        raise PacesNothing
    await lock_setup(session, restaurant_id)
    count = select(func.count()).where(PacingRule.restaurant_id == restaurant_id)
    if (await session.scalar(count) or 0) >= MOST_RULES:
        raise TooManyOf("pacing rules", MOST_RULES)
    opens, closes = pace.window or (None, None)
    rule = PacingRule(
        id=new_id(),
        restaurant_id=restaurant_id,
        kinds=sorted(pace.kinds),
        weekdays=sorted(pace.weekdays),
        opens=opens,
        closes=closes,
        slot_minutes=pace.slot_minutes,
        unit=pace.unit,
        most=pace.most,
    )
    session.add(rule)
    await _audit(session, rule, "add_pacing", actor=actor, after=_said(rule))
    return rule.id


async def change_pacing(
    session: AsyncSession, restaurant_id: UUID, rule_id: UUID, most: int, *, actor: str
) -> None:
    """Allow more or less a slot; what is promised already stays. Raises `UnknownPacing`."""
    rule = await _rule(session, restaurant_id, rule_id)
    before, rule.most = _said(rule), most
    await _audit(session, rule, "change_pacing", actor=actor, before=before, after=_said(rule))


async def remove_pacing(
    session: AsyncSession, restaurant_id: UUID, rule_id: UUID, *, actor: str
) -> None:
    """Take the rule away, and what its slots counted. Raises `UnknownPacing`."""
    rule = await _rule(session, restaurant_id, rule_id)
    await session.delete(rule)
    await _audit(session, rule, "remove_pacing", actor=actor, before=_said(rule))


async def pacing_rules(session: AsyncSession, restaurant_id: UUID) -> Sequence[PacingRule]:
    """The rules in the order in which they were added."""
    rules = await session.scalars(
        select(PacingRule).where(PacingRule.restaurant_id == restaurant_id).order_by(PacingRule.id)
    )
    return rules.all()


async def _rule(session: AsyncSession, restaurant_id: UUID, rule_id: UUID) -> PacingRule:
    await lock_setup(session, restaurant_id)
    rule = await session.scalar(
        select(PacingRule)
        .where(PacingRule.restaurant_id == restaurant_id, PacingRule.id == rule_id)
        .execution_options(populate_existing=True)
    )
    if rule is None:
        raise UnknownPacing
    return rule


async def _audit(
    session: AsyncSession,
    rule: PacingRule,
    action: str,
    *,
    actor: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    await audit(
        session,
        rule.restaurant_id,
        actor=actor,
        action=action,
        object=f"pacing_rule:{rule.id}",
        before=before,
        after=after,
    )


def _said(rule: PacingRule) -> dict[str, Any]:
    window = [(rule.opens, rule.closes)] if rule.opens and rule.closes else []
    return {
        "kinds": " ".join(rule.kinds),
        "weekdays": " ".join(map(str, rule.weekdays)),
        "hours": spelt(window) if window else "always",
        "unit": rule.unit,
        "most": rule.most,
    }
