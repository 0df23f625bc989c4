"""Step 12 of a call: one call event as rows of `call` and `call_turn`.

Events may come in any order, twice, and from two recorders at once: every column's final value
depends on the set of events alone, never on the order they were written in.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func
from sqlalchemy.dialects.postgresql import Insert, insert

from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.messages import (
    AgentConnected,
    AnyCallEvent,
    CallArrived,
    CallEnded,
    DisclosurePlayed,
    MenuLoaded,
    OrderPlaced,
    TurnEnded,
    UsageReported,
)
from controlplane.models.call import Call, CallTurn
from controlplane.models.event_outbox import EventOutbox, OutboxTopic


class EventRefused(ValueError):
    """Raised when the event contradicts what is recorded; recording it again would not help."""


def record_event(connection: Connection, event: AnyCallEvent) -> None:
    """Write one event; the caller commits.

    Raises `EventRefused`, or SQLAlchemy's `IntegrityError` / `DataError` for an event that no
    table takes (a restaurant that doesn't exist, a number out of range).
    """
    columns = _columns(event)
    statement = insert(Call).values(id=event.call_id, restaurant_id=event.restaurant_id, **columns)
    written = connection.scalar(
        statement.on_conflict_do_update(
            index_elements=["id"],
            set_={"id": Call.id, **_merged(event, statement)},
            where=Call.restaurant_id == event.restaurant_id,
        ).returning(Call.id)
    )
    if written is None:
        raise EventRefused("the call belongs to another restaurant")
    if isinstance(event, TurnEnded):
        _record_turn(connection, event)


def _columns(event: AnyCallEvent) -> dict[str, Any]:
    """Return the columns of `call` that the event alone sets."""
    match event:
        case CallArrived():
            return {
                "started_at": event.at,
                "bridge_id": event.bridge_id,
                "channel_uuid": event.channel_uuid,
                "sip_call_id": event.sip_call_id,
                "caller_number": event.caller_number,
            }
        case AgentConnected():
            return {"worker_id": event.worker_id, "time_to_agent_ms": event.time_to_agent_ms}
        case DisclosurePlayed():
            return {"disclosure_played_at": event.at}
        case OrderPlaced():
            return {"order_id": event.order_id, "outcome": CallOutcome.ORDER}
        case MenuLoaded():
            return {"menu_version": event.menu_version}
        case UsageReported():
            return {
                "realtime_model": event.model,
                "input_audio_tokens": event.input_audio_tokens,
                "input_text_tokens": event.input_text_tokens,
                "cached_tokens": event.cached_tokens,
                "output_audio_tokens": event.output_audio_tokens,
                "output_text_tokens": event.output_text_tokens,
            }
        case CallEnded():
            return {
                "ended_at": event.at,
                "duration_ms": event.duration_ms,
                "hangup_cause": event.hangup_cause,
                "outcome": event.outcome,
            }
        case TurnEnded():
            return {}


def _merged(event: AnyCallEvent, statement: Insert) -> dict[str, ColumnElement[Any]]:
    """Return the same columns for a row that exists, saying how new values meet old ones."""
    new = statement.excluded
    match event:
        case AgentConnected():
            # A resumed call connects twice; the caller waited for the first one.
            first = func.coalesce(new.time_to_agent_ms <= Call.time_to_agent_ms, True)
            return {
                "worker_id": case((first, new.worker_id), else_=Call.worker_id),
                "time_to_agent_ms": func.least(new.time_to_agent_ms, Call.time_to_agent_ms),
            }
        case DisclosurePlayed():
            return {
                "disclosure_played_at": func.least(
                    new.disclosure_played_at, Call.disclosure_played_at
                )
            }
        case OrderPlaced():
            # UUIDv7: the greatest is the latest.
            return {
                "order_id": func.greatest(new.order_id, Call.order_id),
                "outcome": new.outcome,
            }
        case MenuLoaded():
            # A resumed call may load a newer one; the first is what its caller was told from.
            return {"menu_version": func.least(new.menu_version, Call.menu_version)}
        case UsageReported():
            # Each report is of the whole call so far; the greatest is the last.
            counts = [name for name in _columns(event) if name.endswith("_tokens")]
            greatest = {name: func.greatest(new[name], getattr(Call, name)) for name in counts}
            return {"realtime_model": new.realtime_model, **greatest}
        case CallEnded():
            # However the call ended, an order placed in it is what it was for.
            outcome = case((Call.order_id.is_not(None), Call.outcome), else_=new.outcome)
            return {name: new[name] for name in _columns(event)} | {"outcome": outcome}
        case _:
            return {name: new[name] for name in _columns(event)}


def _record_turn(connection: Connection, event: TurnEnded) -> None:
    connection.execute(
        insert(CallTurn)
        .values(
            id=event.id,
            restaurant_id=event.restaurant_id,
            call_id=event.call_id,
            position=event.position,
            role=event.role,
            text=event.text,
            unheard=event.unheard,
            heard_ms=event.heard_ms,
            tool_name=event.tool_name,
            told=event.told,
            at=event.at,
        )
        .on_conflict_do_nothing(index_elements=["id"])
    )


def tell_pages(connection: Connection, events: Iterable[AnyCallEvent]) -> None:
    """Tell open pages of the calls that recorded events changed, each once; the caller commits.

    It is for a transaction after theirs: the outbox's lock of a restaurant, for which its orders
    wait, is held no longer than this takes. Restaurants come in one order for all recorders.
    """
    changed = sorted({(event.restaurant_id, event.call_id) for event in events})
    if changed:
        connection.execute(
            insert(EventOutbox),
            [
                {
                    "restaurant_id": restaurant_id,
                    "topic": OutboxTopic.CALL_CHANGED,
                    "payload": {"call_id": str(call_id)},
                }
                for restaurant_id, call_id in changed
            ],
        )
