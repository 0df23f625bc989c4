"""What is promised for a slot is counted under lock: it never exceeds what a pacing rule allows.

`take_slot` and `release_slot` are part of the transaction that places or cancels the order, or the
reservation, that holds the slot: they commit and fail together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, any_, delete, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.opening import OpeningKind
from controlplane.models.pacing import PacingRule, PacingUnit, SlotCounter, SlotUse
from controlplane.restaurants.decision import Rule
from controlplane.restaurants.errors import SlotFull
from controlplane.restaurants.rules import next_at, pacing_rule

LOOK_AHEAD: Final = timedelta(hours=24)
"""A slot with room is looked for so far; whoever wants one later asks again then."""
_UNIT_NAMES: Final = {
    PacingUnit.ORDERS: "commandes",
    PacingUnit.ITEMS: "plats",
    PacingUnit.COVERS: "couverts",
    PacingUnit.CENTS: "centimes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one order or one reservation takes of a slot, in each unit."""

    orders: int = 0
    items: int = 0
    covers: int = 0
    cents: int = 0

    def of(self, unit: PacingUnit) -> int:
        amount: int = getattr(self, unit)
        return amount


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotRequest:
    """Who wants which slot: that of `at`, or the first with room that begins by `latest`."""

    restaurant_id: UUID
    holder_id: UUID
    kind: OpeningKind
    at: datetime
    """It is in the restaurant's zone, as is what comes of it."""
    latest: datetime
    load: Load


async def take_slot(session: AsyncSession, request: SlotRequest) -> datetime:
    """Count the load in each slot that a rule has for it, and return the instant to promise: `at`,
    or when the first slot with room begins. Whoever takes from the same slot waits for the commit.

    Raises `SlotFull` with the rule that decided and the next instant with room; the transaction is
    then as it was.
    """
    rules = await _rules(session, request)
    at = request.at
    while (full := await _take_all(session, request, rules, at)) is not None:
        at = _slot_end(full, at)
        if _utc(at) > _utc(request.latest):
            room = await _next_with_room(session, request, rules, at)
            raise SlotFull(request.at, rule=_rule(full), following=next_at(room))
    return at


async def look_for_slot(session: AsyncSession, request: SlotRequest) -> datetime:
    """Return the instant that `take_slot` would promise just now, and take nothing.

    Raises `SlotFull`, as it does.
    """
    rules, used = await _rules_and_used(session, request)
    room = _first_with_room(rules, request.load, used, request.at)
    if room is None or _utc(room) > _utc(request.latest):
        full = next(rule for rule in rules if not _has_room(rule, request.load, used, request.at))
        raise SlotFull(request.at, rule=_rule(full), following=next_at(room))
    return room


async def release_slot(session: AsyncSession, restaurant_id: UUID, holder_id: UUID) -> None:
    """Give back what the holder took; a second time gives back nothing."""
    uses = await session.execute(
        delete(SlotUse)
        .where(SlotUse.restaurant_id == restaurant_id, SlotUse.holder_id == holder_id)
        .returning(SlotUse.pacing_rule_id, SlotUse.slot_start, SlotUse.amount)
    )
    for rule_id, slot_start, amount in sorted(uses.all()):
        await session.execute(
            update(SlotCounter)
            .where(
                SlotCounter.restaurant_id == restaurant_id,
                SlotCounter.pacing_rule_id == rule_id,
                SlotCounter.slot_start == slot_start,
            )
            .values(used=SlotCounter.used - amount)
        )


async def _rules(session: AsyncSession, request: SlotRequest) -> Sequence[PacingRule]:
    """In the order of their ids, in which all lock their counters: nobody waits in a circle."""
    rules = await session.scalars(
        select(PacingRule)
        .where(
            PacingRule.restaurant_id == request.restaurant_id,
            literal(str(request.kind)) == any_(PacingRule.kinds),
        )
        .order_by(PacingRule.id)
    )
    return [rule for rule in rules if _amount(rule, request.load)]


async def _take_all(
    session: AsyncSession, request: SlotRequest, rules: Sequence[PacingRule], at: datetime
) -> PacingRule | None:
    """Take of every rule's slot, or of none: the rule whose slot has no room."""
    async with session.begin_nested() as savepoint:
        for rule in rules:
            if binds(rule, at) and not await _take(session, request, rule, at):
                await savepoint.rollback()
                return rule
    return None


async def _take(
    session: AsyncSession, request: SlotRequest, rule: PacingRule, at: datetime
) -> bool:
    amount = _amount(rule, request.load)
    if amount > rule.most:
        return False
    slot = {
        "restaurant_id": request.restaurant_id,
        "pacing_rule_id": rule.id,
        "slot_start": _slot_start(rule, at),
    }
    used = await session.scalar(
        insert(SlotCounter)
        .values(**slot, used=amount)
        .on_conflict_do_update(
            index_elements=list(slot),
            set_={"used": SlotCounter.used + amount},
            where=SlotCounter.used + amount <= rule.most,
        )
        .returning(SlotCounter.used)
    )
    if used is None:
        return False
    await session.execute(
        insert(SlotUse).values(**slot, holder_id=request.holder_id, amount=amount)
    )
    return True


async def _next_with_room(
    session: AsyncSession, request: SlotRequest, rules: Sequence[PacingRule], at: datetime
) -> datetime | None:
    """The first instant from `at` on whose slots all have room now: nothing is taken of them."""
    used = await _used(session, request, at)
    return _first_with_room(rules, request.load, used, at)


async def _rules_and_used(
    session: AsyncSession, request: SlotRequest
) -> tuple[Sequence[PacingRule], dict[tuple[UUID, datetime], int]]:
    """The rules about such a request, and what each slot around it has taken, at once."""
    found = await session.execute(
        select(PacingRule, SlotCounter.slot_start, SlotCounter.used)
        .outerjoin(
            SlotCounter,
            (SlotCounter.restaurant_id == PacingRule.restaurant_id)
            & (SlotCounter.pacing_rule_id == PacingRule.id)
            & _around(request.at),
        )
        .where(
            PacingRule.restaurant_id == request.restaurant_id,
            literal(str(request.kind)) == any_(PacingRule.kinds),
        )
        .order_by(PacingRule.id)
    )
    rows = found.all()
    rules = dict.fromkeys(rule for rule, _start, _used in rows if _amount(rule, request.load))
    return list(rules), {(rule.id, start): used for rule, start, used in rows if start}


async def _used(
    session: AsyncSession, request: SlotRequest, at: datetime
) -> dict[tuple[UUID, datetime], int]:
    """What each slot around `at` has taken, by its rule and its beginning."""
    counters = await session.execute(
        select(SlotCounter.pacing_rule_id, SlotCounter.slot_start, SlotCounter.used).where(
            SlotCounter.restaurant_id == request.restaurant_id,
            _around(at),
        )
    )
    return {(rule_id, start): taken for rule_id, start, taken in counters}


def _around(at: datetime) -> ColumnElement[bool]:
    """The slots that may be the one of `at`, or one with room after it."""
    return SlotCounter.slot_start.between(at - timedelta(hours=1), at + LOOK_AHEAD)


def _first_with_room(
    rules: Sequence[PacingRule],
    load: Load,
    used: dict[tuple[UUID, datetime], int],
    at: datetime,
) -> datetime | None:
    end = _utc(at) + LOOK_AHEAD
    while _utc(at) < end:
        full = next((rule for rule in rules if not _has_room(rule, load, used, at)), None)
        if full is None:
            return at
        at = _slot_end(full, at)
    return None


def binds(rule: PacingRule, at: datetime) -> bool:
    """Whether the rule is about this instant, which is in the restaurant's zone. After midnight it
    is still about the day on which its window opened.
    """
    day, clock = at.weekday(), at.time()
    if rule.opens is not None and rule.closes is not None:
        past_midnight = rule.closes <= rule.opens
        if past_midnight and clock < rule.closes:
            day = (day - 1) % 7
        elif clock < rule.opens or (not past_midnight and clock >= rule.closes):
            return False
    return not rule.weekdays or day in rule.weekdays


def _has_room(
    rule: PacingRule, load: Load, used: dict[tuple[UUID, datetime], int], at: datetime
) -> bool:
    if not binds(rule, at):
        return True
    taken = used.get((rule.id, _slot_start(rule, at)), 0)
    return taken + _amount(rule, load) <= rule.most


def _amount(rule: PacingRule, load: Load) -> int:
    return load.of(PacingUnit(rule.unit))


def _slot_start(rule: PacingRule, at: datetime) -> datetime:
    utc = _utc(at).replace(second=0, microsecond=0)
    return utc - timedelta(minutes=utc.minute % rule.slot_minutes)


def _slot_end(rule: PacingRule, at: datetime) -> datetime:
    return (_slot_start(rule, at) + timedelta(minutes=rule.slot_minutes)).astimezone(at.tzinfo)


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _rule(rule: PacingRule) -> Rule:
    most = f"{rule.most}\u00a0{_UNIT_NAMES[PacingUnit(rule.unit)]}"
    return pacing_rule(str(rule.id), most=most, slot_minutes=rule.slot_minutes)
