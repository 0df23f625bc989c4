"""Calls for the pages' tests, as the recorder and the worker leave them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.identifiers import new_id
from controlplane.models.call import Call, CallTurn
from controlplane.models.order import Order
from controlplane.models.plan import Plan
from controlplane.models.usage_record import UsageKind, UsageRecord
from tests.integration.kitchen_orders import add_order

Said: TypeAlias = Sequence[tuple[str, float, str, dict[str, Any]]]
"""Who, at what second of the call, what, and other columns."""

KARIM = "+33639984107"
SAID: Final[Said] = (
    ("caller", 12.6, "Bonsoir, c’est pour commander, à emporter.", {}),
    (
        "agent",
        18.4,
        "Vingt heures, c’est possible. Ce soir nous avons",
        {"heard_ms": 4_800, "unheard": "aussi la Parma, et un tiramisu."},
    ),
    ("caller", 24.2, "Une quatre fromages, grande.", {}),
    (
        "tool",
        24.6,
        "ok",
        {"tool_name": "add_item", "told": "Une quatre fromages. Total : 15,50 €."},
    ),
    ("tool", 25.2, "sold_out", {"tool_name": "add_item"}),
    ("agent", 32.2, "Une quatre fromages grande. C’est bon ?", {"heard_ms": 5_000}),
)


async def add_call(session: AsyncSession, restaurant_id: UUID, **changed: Any) -> UUID:
    """Add a call that ended five minutes ago after 83 s; `changed` names columns. The caller
    commits.
    """
    call_id = new_id()
    began = changed.get("started_at") or datetime.now(UTC) - timedelta(minutes=6)
    columns: dict[str, Any] = {
        "id": call_id,
        "restaurant_id": restaurant_id,
        "bridge_id": "bridge-0",
        "channel_uuid": new_id(),
        "caller_number": KARIM,
        "started_at": began,
        "time_to_agent_ms": 420,
        "disclosure_played_at": began + timedelta(seconds=5),
        "ended_at": began + timedelta(seconds=83),
        "duration_ms": 83_000,
        "hangup_cause": "NORMAL_CLEARING",
        "outcome": CallOutcome.INFORMATION,
        "realtime_model": "gpt-realtime-2.1-mini",
        "input_audio_tokens": 1_312,
    }
    session.add(Call(**columns | changed))
    await session.flush()
    return call_id


async def add_live_call(session: AsyncSession, restaurant_id: UUID, **changed: Any) -> UUID:
    """Add a call in which somebody talks since a minute."""
    live: dict[str, Any] = {
        "started_at": datetime.now(UTC) - timedelta(seconds=60),
        "ended_at": None,
        "duration_ms": None,
        "hangup_cause": None,
        "outcome": None,
    }
    return await add_call(session, restaurant_id, **live | changed)


async def say(
    session: AsyncSession, restaurant_id: UUID, call_id: UUID, said: Said = SAID
) -> list[UUID]:
    """Add turns, and return their ids."""
    call = await session.get(Call, call_id)
    assert call is not None
    assert call.started_at is not None
    ids = []
    for position, (role, second, text, columns) in enumerate(said):
        ids.append(turn_id := new_id())
        session.add(
            CallTurn(
                id=turn_id,
                restaurant_id=restaurant_id,
                call_id=call_id,
                position=position,
                role=role,
                text=text,
                at=call.started_at + timedelta(seconds=second),
                **columns,
            )
        )
    await session.flush()
    return ids


async def add_order_of(session: AsyncSession, restaurant_id: UUID, call_id: UUID) -> UUID:
    """Add the order that was placed in the call."""
    order_id = await add_order(
        session,
        restaurant_id,
        dishes=((1, "Quatre fromages", 1_550), (1, "Salade César", 1_090)),
        customer="Karim Benali",
        phone=KARIM,
        allergy="fruits à coque",
    )
    order = await session.get(Order, order_id)
    call = await session.get(Call, call_id)
    assert order is not None
    assert call is not None
    order.call_id, call.order_id, call.outcome = call_id, order_id, CallOutcome.ORDER
    await session.flush()
    return order_id


async def rate(session: AsyncSession, restaurant_id: UUID, call_id: UUID, micros: int) -> None:
    """Write what the call costs the restaurant."""
    call = await session.get(Call, call_id)
    assert call is not None
    assert call.started_at is not None
    plan_id = await session.scalar(select(Plan.id).where(Plan.code == "tests"))
    if plan_id is None:
        plan_id = new_id()
        session.add(
            Plan(
                id=plan_id, code="tests", version=1, name="Tests", base_fee_cents=0, minute_micros=1
            )
        )
        await session.flush()
    session.add(
        UsageRecord(
            restaurant_id=restaurant_id,
            kind=UsageKind.CALL,
            source=str(call_id),
            at=call.started_at,
            month=call.started_at.date().replace(day=1),
            plan_id=plan_id,
            quantity=83,
            micros=micros,
        )
    )
    await session.flush()
