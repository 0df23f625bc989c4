"""A whole call in virtual time: the worker's own code from `talk` on, between a caller who orders a
pizza in four sentences and the Realtime simulator. The telephone is a queue with a clock.
"""

import asyncio
import json
import math
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from aiworker.call_events import CallEventLog
from aiworker.call_memory import CallMemory
from aiworker.call_session import talk
from aiworker.clients import Clients
from aiworker.media.stream import MediaStream, StreamOver
from aiworker.order_desk import OrderDesk
from aiworker.settings import WorkerSettings
from aiworker.worker_call import WorkerCall
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.messages import (
    BridgeMessage,
    CallEvent,
    CallOffer,
    Clear,
    Cleared,
    Dtmf,
    GreetingEnded,
    Hangup,
    Hold,
    Mark,
    Marked,
    Started,
    Transfer,
    parse_worker_message,
)
from controlplane.restaurants.order_draft import OrderDraft, PlacedOrder
from tests.small_menu import CONFIG
from tests.unit.aiworker.virtual_realtime import (
    ANSWERS,
    FRAME_MS,
    SENTENCES,
    VirtualRealtime,
    spoken,
)
from tests.virtual_time import run_in_virtual_time

GREETING_SECONDS: Final = 2.0
HOLD_SECONDS: Final = 1.5
SENTENCE_MS: Final = 800
THINKS_SECONDS: Final = 0.8
"""The caller speaks again when the assistant has been quiet for so long."""
INTERRUPTS_SECONDS: Final = 0.5
"""The caller knows by then what the assistant is saying."""
WAITS_SECONDS: Final = 8.0
"""A caller who hears half an answer waits so long for the other half."""
PATIENCE_SECONDS: Final = 40.0
"""A caller who has no answer by then has none."""
SILENCE: Final = bytes(FRAME_MS * 16)


@dataclass
class Heard:
    """What the caller hears, from one moment to another: a piece of an item, or a filler."""

    begins: float
    ends: float
    item: str | None = None
    seq: int = -1


@dataclass
class Said:
    """The caller said a sentence."""

    sentence: int
    ends: float
    answered_at: float | None = None


@dataclass
class VirtualCall:
    """The bridge, the caller, and what a call came to."""

    realtime: VirtualRealtime
    greeting: bool = False
    """It is playing at the start, for two seconds."""
    interrupts: bool = False
    """The caller says the second sentence over the answer to the first."""
    sentences: int = len(SENTENCES)
    """The caller has so many to say."""
    tool_seconds: float = 0.0
    """Placing an order takes so long."""
    deaf_after: float = math.inf
    """The bridge's agent obeys nothing and says nothing from then on, by the seconds since the
    start; the caller stays on the line and is silent."""
    mute_after: float = math.inf
    """The stream brings nothing from then on."""
    keys: dict[float, str] = field(default_factory=dict)
    """Keys the caller presses, by the seconds since the start."""
    heard: list[Heard] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    orders: list[OrderDraft] = field(default_factory=list)
    unheard: list[str] = field(default_factory=list)
    """What a deaf bridge was asked for, by type."""
    over: str = ""
    end: str = ""
    """How the worker says that it ended."""
    began_at: float = 0.0
    ended_at: float = 0.0
    left_at: float = 0.0
    """The worker had done with the call."""
    _messages: deque[BridgeMessage] = field(default_factory=deque)
    _marks: list[int] = field(default_factory=list)
    _left_ms: int = 0

    # --- What the caller hears -----------------------------------------------------------------

    async def send(self, text: str) -> None:
        """Take what the worker sends into the call's WebSocket."""
        now = time.monotonic()
        if now >= self.began_at + self.deaf_after:
            self.unheard.append(
                parse_worker_message(text).type if "streamAudio" not in text else ""
            )
            return
        body = json.loads(text)
        if body["type"] == "streamAudio":
            data = body["data"]
            self._play(data["ms"] / 1_000, item=data["item"], seq=data["seq"])
            return
        match parse_worker_message(text):
            case Clear(generation=generation):
                self._clear(generation, now)
            case Mark(seq=seq):
                self._marks.append(seq)
            case Hold():
                self._play(HOLD_SECONDS)
            case Hangup() | Transfer() as end:
                self.over = end.type

    def _play(self, seconds: float, *, item: str | None = None, seq: int = -1) -> None:
        begins = max(time.monotonic(), self.heard[-1].ends if self.heard else 0.0)
        self.heard.append(Heard(begins, begins + seconds, item, seq))

    def _clear(self, generation: int, now: float) -> None:
        played = [one for one in self.heard if one.begins < now]
        for one in played:
            one.ends = min(one.ends, now)
        self.heard = played
        item = next((one.item for one in reversed(played) if one.item is not None), None)
        self._messages.append(
            Cleared(generation=generation, item=item, played_ms=self._heard_ms(item))
        )

    def _heard_ms(self, item: str | None) -> int:
        pieces = [one for one in self.heard if item is not None and one.item == item]
        return round(sum(one.ends - one.begins for one in pieces) * 1_000)

    def _mark_played(self, now: float) -> None:
        due = [
            seq
            for seq in self._marks
            if not any(one.seq <= seq and one.ends > now for one in self.heard if one.seq >= 0)
        ]
        for seq in due:
            self._marks.remove(seq)
            self._messages.append(Marked(seq=seq))

    # --- What the caller says ------------------------------------------------------------------

    async def messages(self) -> AsyncIterator[bytes | BridgeMessage]:
        """Iterate as `MediaStream.messages` does."""
        self.began_at = time.monotonic()
        yield Started(call_id=self.call_id, greeting="playing" if self.greeting else "ended")
        while not self.over:
            now = time.monotonic()
            if now >= self.began_at + self.mute_after:
                await asyncio.get_running_loop().create_future()
            if now < self.began_at + self.deaf_after:
                self._mark_played(now)
            for at in [at for at in self.keys if now >= self.began_at + at]:
                yield Dtmf(digit=self.keys.pop(at))
            if self.greeting and now >= self.began_at + GREETING_SECONDS:
                self.greeting = False
                yield GreetingEnded()
            while self._messages:
                yield self._messages.popleft()
            yield self._frame(now)
            await asyncio.sleep(FRAME_MS / 1_000)  # noqa: TID251  # time is virtual
        self.ended_at = time.monotonic()
        raise StreamOver(self.over)

    def _frame(self, now: float) -> bytes:
        deaf = now >= self.began_at + self.deaf_after
        if self._left_ms <= 0 and not self.greeting and not deaf:
            self._speak_if_due(now)
        if self._left_ms <= 0:
            return SILENCE
        self._left_ms -= FRAME_MS
        return spoken(self.said[-1].sentence)

    def _speak_if_due(self, now: float) -> None:
        last = self.said[-1] if self.said else None
        if last is None:
            self._say(0, now)
        elif self.interrupts and last.sentence == 0 and self._hears_answer(last, now):
            self._say(1, now)
        elif self.heard and now < self.heard[-1].ends + THINKS_SECONDS:
            return
        elif not (words := self._words_since(last.ends)):
            if now > last.ends + PATIENCE_SECONDS:
                self.over = "never answered"
        elif ANSWERS[last.sentence] not in words and len(self.said) < 3 * len(SENTENCES):
            half = ANSWERS[last.sentence].startswith(words[-1])
            if not half or now > self.heard[-1].ends + WAITS_SECONDS:
                self._say(last.sentence, now)
        elif last.sentence + 1 < self.sentences:
            last.answered_at = now
            self._say(last.sentence + 1, now)
        else:
            last.answered_at = now
            self.over = "done"

    def _hears_answer(self, said: Said, now: float) -> bool:
        pieces = [one for one in self.heard if said.ends <= one.begins and one.item is not None]
        audible = bool(pieces) and pieces[-1].ends > now > pieces[0].begins + INTERRUPTS_SECONDS
        return audible and ANSWERS[said.sentence] in self._words_since(said.ends)

    def _say(self, sentence: int, now: float) -> None:
        self.said.append(Said(sentence, now + SENTENCE_MS / 1_000))
        self._left_ms = SENTENCE_MS

    def _words_since(self, since: float) -> list[str]:
        """The words of the items begun since then."""
        items = [one.item for one in self.heard if one.begins >= since and one.item is not None]
        found = [self.realtime.item(item) for item in dict.fromkeys(items)]
        return [item.text for item in found if item is not None]

    # --- What it came to -----------------------------------------------------------------------

    def longest_silence(self) -> float:
        """Seconds the caller heard nothing while they waited for an answer."""
        longest = 0.0
        for number, said in enumerate(self.said):
            last = number + 1 == len(self.said)
            until = self.ended_at if last else self.said[number + 1].ends - SENTENCE_MS / 1_000
            at = said.ends
            for one in self.heard:
                if one.ends <= at or one.begins >= until:
                    continue
                longest = max(longest, one.begins - at)
                at = one.ends
            longest = max(longest, until - at)
        return longest

    def times_said(self, answer: str) -> int:
        """How often the caller heard nearly all of it, less what was lost on its way."""
        times = 0
        lost_ms = self.realtime.lost_audio_ms()
        for item_id in {one.item for one in self.heard if one.item is not None}:
            item = self.realtime.item(item_id)
            if item is not None and item.text == answer:
                times += self._heard_ms(item_id) >= 0.85 * item.generated_ms - lost_ms
        return times

    def times_asked(self, sentence: int) -> int:
        return sum(said.sentence == sentence for said in self.said)

    # --- The worker ----------------------------------------------------------------------------

    def __post_init__(self) -> None:
        self.offer = CallOffer(
            call_id=new_id(),
            restaurant_id=CONFIG.id,
            bridge_id="bridge-test",
            channel_uuid=new_id(),
            attempt=1,
        )
        self.call_id = self.offer.call_id

    def complain(self, kind: str, length: int) -> None:
        raise AssertionError(kind)

    def tell(self, event: CallEvent) -> None:
        pass

    async def set(self, *_: object, **__: object) -> None:
        """Take the call's state as Redis does."""

    async def place(self, draft: OrderDraft, **_: object) -> PlacedOrder:
        self.orders.append(draft)
        await asyncio.sleep(self.tool_seconds)  # noqa: TID251  # time is virtual
        return PlacedOrder(
            id=new_id(),
            number=len(self.orders),
            total_cents=sum(line.total_cents for line in draft.lines),
            ready_at_local=datetime(2026, 11, 27, 19, 45, tzinfo=ZoneInfo("Europe/Paris")),
            idempotency_key=draft.idempotency_key,
        )

    async def serve(self) -> None:
        clients = Clients(
            redis=cast("Redis", self),
            events=cast("CallEventLog", self),
            realtime=self.realtime.client,
            engine=cast("AsyncEngine", None),
            sessions=cast("async_sessionmaker[AsyncSession]", None),
            orders=cast("OrderDesk", self),
        )
        stream = cast("MediaStream", self)
        memory = CallMemory(clients.redis, self.call_id)
        settings = WorkerSettings(DATABASE_URL="postgresql://x", REDIS_URL="redis://x")
        call = WorkerCall(self.offer, CONFIG, stream, memory, settings, clients)
        try:
            self.end = await talk(call, stream, clients)
        finally:
            self.left_at = time.monotonic()
            await self.realtime.stop()


def played(realtime: VirtualRealtime, **how: Any) -> VirtualCall:
    """Have a call over that service, from its first frame to its end."""
    calls: list[VirtualCall] = []

    async def play() -> None:
        calls.append(VirtualCall(realtime, **how))
        await calls[0].serve()

    run_in_virtual_time(play())
    return calls[0]
