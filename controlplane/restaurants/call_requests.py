"""Step 11 of a call: somebody at the restaurant asks for the caller, or for the end.

Its bridge does it. It is asked through Redis, for seconds: what was not taken by then is withdrawn,
so that nobody's phone rings for a caller whom they were told they cannot have.
"""

import asyncio
from typing import Final
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts import redis_keys
from controlplane.contracts.assignments import CallAsked
from controlplane.contracts.call_requests import (
    EndCall,
    PutThrough,
    RequestAnswer,
    RequestRefusal,
)
from controlplane.models.call import Call
from controlplane.models.transfer_target import TransferTarget
from controlplane.restaurants.audit import audit
from controlplane.restaurants.call_errors import (
    AskedAlready,
    BridgeSilent,
    CallRefused,
    UnknownCall,
)
from controlplane.restaurants.erase_caller import LONGEST_CALL

KEPT_S: Final = 5
"""A request that nobody took is gone by itself, should its asker die."""
ANSWER_S: Final = 3.0
"""A bridge answers in milliseconds."""
LOOK_EVERY_S: Final = 0.05


async def note_request(
    session: AsyncSession,
    restaurant_id: UUID,
    call_id: UUID,
    request: PutThrough | EndCall,
    *,
    actor: str,
) -> str:
    """Put on record that it is asked, and return the bridge to ask; the caller commits.

    Raises `UnknownCall` when nobody talks, and `CallRefused` for a target that is not listed.
    """
    bridge_id = await session.scalar(
        select(Call.bridge_id).where(
            Call.restaurant_id == restaurant_id,
            Call.id == call_id,
            Call.ended_at.is_(None),
            Call.started_at > func.now() - LONGEST_CALL,
        )
    )
    if bridge_id is None:
        raise UnknownCall(call_id)
    if isinstance(request, PutThrough) and request.target_id is not None:
        listed = await session.scalar(
            select(TransferTarget.id).where(
                TransferTarget.restaurant_id == restaurant_id,
                TransferTarget.id == request.target_id,
            )
        )
        if listed is None:
            raise CallRefused(RequestRefusal.NOT_ALLOWED)
    await audit(
        session,
        restaurant_id,
        actor=actor,
        action=request.type,
        object=f"phone_call:{call_id}",
    )
    return bridge_id


async def ask_bridge(
    redis: Redis, bridge_id: str, call_id: UUID, request: PutThrough | EndCall
) -> None:
    """Ask, and wait for the bridge's answer. Returns when it is being done.

    Raises `CallRefused`, `AskedAlready`, and `BridgeSilent`: then nothing is done, unless its
    `taken` says that nobody knows.
    """
    key = redis_keys.call_request(call_id)
    try:
        if not await redis.set(key, request.to_json(), nx=True, ex=KEPT_S):
            raise AskedAlready
        channel = redis_keys.bridge_assignments(bridge_id)
        heard = await redis.publish(channel, CallAsked(call_id=call_id).to_json())
        answer = await _answer(redis, request.id) if heard else None
        if answer is None:
            raise BridgeSilent(taken=await redis.getdel(key) is None)
    except (RedisError, OSError) as error:
        raise BridgeSilent(taken=True) from error
    if answer.refused is not None:
        raise CallRefused(answer.refused)


async def _answer(redis: Redis, request_id: UUID) -> RequestAnswer | None:
    """Return None when there is none in time."""
    try:
        async with asyncio.timeout(ANSWER_S):
            while True:
                if body := await redis.get(redis_keys.request_answer(request_id)):
                    return RequestAnswer.model_validate_json(body)
                await asyncio.sleep(LOOK_EVERY_S)
    except TimeoutError:
        return None
