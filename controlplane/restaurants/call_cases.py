"""« C'était faux »: what somebody found wrong in a call becomes a case the assistant is tried on.

Cases hold callers' words through their calls, so they are erased and kept as transcripts are.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.models.call import Call, CallTurn
from controlplane.models.call_case import MOST_BETTER, CallCase, CaseKind
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.audit import ADMIN, audit
from controlplane.restaurants.call_errors import TooManyCases, UnknownCall, UnknownTurn
from controlplane.restaurants.readable_words import readable

MOST_OF_A_CALL: Final = 20
"""More faults than that are one: the call was wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """What was wrong: in one turn, or with `turn_id` None in the whole call."""

    call_id: UUID
    turn_id: UUID | None
    kind: CaseKind
    better: str = ""


async def report_wrong(
    session: AsyncSession, restaurant_id: UUID, wrong: Wrong, *, actor: str
) -> None:
    """Write it down; the caller commits. The same fault reported again has its words replaced.

    Raises `UnknownCall`, `UnknownTurn`, `WordsRefused`, `TooManyCases`.
    """
    better = readable(wrong.better, "what should have been", most=MOST_BETTER, least=0)
    called_at = await session.scalar(
        select(func.coalesce(Call.started_at, func.now())).where(
            Call.restaurant_id == restaurant_id, Call.id == wrong.call_id
        )
    )
    if called_at is None:
        raise UnknownCall(wrong.call_id)
    await _check(session, restaurant_id, wrong)
    case_id = await session.scalar(
        insert(CallCase)
        .values(
            id=new_id(),
            restaurant_id=restaurant_id,
            call_id=wrong.call_id,
            turn_id=wrong.turn_id,
            kind=wrong.kind,
            better=better,
            called_at=called_at,
            reported_by=actor,
        )
        .on_conflict_do_update(
            index_elements=["restaurant_id", "call_id", "turn_id", "kind"],
            set_={"better": better, "reported_by": actor},
        )
        .returning(CallCase.id)
    )
    await audit(
        session,
        restaurant_id,
        actor=actor,
        action="report_wrong",
        object=f"call_case:{case_id}",
        after={"kind": wrong.kind},
    )


async def _check(session: AsyncSession, restaurant_id: UUID, wrong: Wrong) -> None:
    if wrong.turn_id is not None:
        turn = await session.scalar(
            select(CallTurn.id).where(
                CallTurn.restaurant_id == restaurant_id,
                CallTurn.call_id == wrong.call_id,
                CallTurn.id == wrong.turn_id,
            )
        )
        if turn is None:
            raise UnknownTurn(wrong.turn_id)
    reported = await session.scalar(
        select(func.count())
        .select_from(CallCase)
        .where(CallCase.restaurant_id == restaurant_id, CallCase.call_id == wrong.call_id)
    )
    if (reported or 0) >= MOST_OF_A_CALL:
        raise TooManyCases(MOST_OF_A_CALL)


async def export_cases(session: AsyncSession, restaurant: Restaurant) -> list[dict[str, Any]]:
    """Every case as JSON takes it, the oldest first: the call's turns in their order, of which the
    one at fault is marked, and what should have been. That it was asked for is on record.
    """
    cases = await session.scalars(
        select(CallCase)
        .where(CallCase.restaurant_id == restaurant.id)
        .order_by(CallCase.called_at, CallCase.id)
    )
    found = cases.all()
    turns = await _turns(session, restaurant.id, {case.call_id for case in found})
    versions = await _menu_versions(session, restaurant.id, {case.call_id for case in found})
    await audit(session, restaurant.id, actor=ADMIN, action="export_cases", object="restaurant")
    return [
        {
            "case": case.id,
            "restaurant": restaurant.slug,
            "call": case.call_id,
            "called_at": case.called_at,
            "menu_version": versions.get(case.call_id),
            "kind": case.kind,
            "should_be": case.better,
            "turns": [_turn(turn, wrong=case.turn_id) for turn in turns[case.call_id]],
        }
        for case in found
    ]


def _turn(turn: CallTurn, *, wrong: UUID | None) -> dict[str, Any]:
    told = {
        "role": turn.role,
        "text": turn.text,
        "unheard": turn.unheard,
        "heard_ms": turn.heard_ms,
        "tool": turn.tool_name,
        "told": turn.told,
        "wrong": turn.id == wrong or None,
    }
    return {name: value for name, value in told.items() if value is not None}


async def _turns(
    session: AsyncSession, restaurant_id: UUID, call_ids: set[UUID]
) -> dict[UUID, Sequence[CallTurn]]:
    rows = await session.scalars(
        select(CallTurn)
        .where(CallTurn.restaurant_id == restaurant_id, CallTurn.call_id.in_(call_ids))
        .order_by(CallTurn.call_id, CallTurn.position, CallTurn.id)
    )
    of_call: dict[UUID, list[CallTurn]] = defaultdict(list)
    for row in rows:
        of_call[row.call_id].append(row)
    return defaultdict(list, of_call)


async def _menu_versions(
    session: AsyncSession, restaurant_id: UUID, call_ids: set[UUID]
) -> dict[UUID, int | None]:
    rows = await session.execute(
        select(Call.id, Call.menu_version).where(
            Call.restaurant_id == restaurant_id, Call.id.in_(call_ids)
        )
    )
    return {call_id: version for call_id, version in rows}
