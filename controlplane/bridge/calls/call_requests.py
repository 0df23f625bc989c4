"""Step 11 of a call: somebody at the restaurant asks for the caller, or for the end.

The worker does it, as it does what its caller asks: it knows what is being said. A request is taken
out of Redis before it is obeyed, so that one that was withdrawn, or too late, changes nothing.
"""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import redis
import structlog

from controlplane.bridge import metrics
from controlplane.bridge.calls.call_context import CallContext
from controlplane.bridge.calls.call_state import CallState
from controlplane.contracts import redis_keys
from controlplane.contracts.call_requests import (
    EndCall,
    PutThrough,
    RequestAnswer,
    RequestRefusal,
    parse_call_request,
)
from controlplane.contracts.messages import EndWanted, HandOverWanted, MessageError

ANSWER_KEPT_S: Final = 30
"""Who asked looks for the answer within seconds."""

log = structlog.get_logger()


class CallRequests:
    """Obeys what is asked of the calls that `find` knows."""

    def __init__(self, client: redis.Redis, *, find: Callable[[UUID], CallContext | None]) -> None:
        self._redis = client
        self._find = find

    def obey(self, call_id: UUID) -> None:
        """Take the request, if it is still there, and answer it. Raises RedisError, EslError."""
        body: Any = self._redis.getdel(redis_keys.call_request(call_id))
        if body is None:
            return
        try:
            request = parse_call_request(body)
        except MessageError as error:
            metrics.ASSIGNMENTS_UNREADABLE.inc()
            log.warning("call_request_unreadable", reason=str(error))
            return
        refused = _do(self._find(call_id), request)
        log.info("call_requested", call_id=str(call_id), asked=request.type, refused=refused)
        answer = RequestAnswer(refused=refused).to_json()
        self._redis.set(redis_keys.request_answer(request.id), answer, ex=ANSWER_KEPT_S)


def _do(context: CallContext | None, request: PutThrough | EndCall) -> RequestRefusal | None:
    """Have the worker do it; return why not, None when it was told."""
    if context is None:
        return RequestRefusal.GONE
    call = context.call
    if not (call.state is CallState.WITH_US and call.parked and call.streaming):
        return RequestRefusal.NOT_WITH_ASSISTANT
    match request:
        case EndCall():
            context.channel.tell_worker(EndWanted())
        case PutThrough(target_id=None) if not call.fallback_dial:
            return RequestRefusal.NOT_ALLOWED
        case PutThrough(target_id=target) if target and target not in context.policy().targets:
            return RequestRefusal.NOT_ALLOWED
        case PutThrough(target_id=target):
            context.channel.tell_worker(HandOverWanted(target_id=target))
    return None
