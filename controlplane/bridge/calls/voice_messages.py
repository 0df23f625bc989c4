"""The last rung of the ladder: what callers recorded reaches their restaurant.

FreeSWITCH records without us, so a message may be older than this agent. A file is deleted only
after its commit; delivering it twice changes nothing.
"""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import gevent.event
import structlog
from sqlalchemy import Connection, Engine, Row, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from controlplane.bridge import metrics
from controlplane.bridge.calls.recording import Recording, UnusableRecording
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.phone_numbers import normalise, region_of
from controlplane.loop import run_loop
from controlplane.models.event_outbox import EventOutbox, OutboxTopic
from controlplane.models.restaurant import MOST_VOICE_MESSAGE_DAYS, Restaurant
from controlplane.models.voice_message import (
    MOST_MESSAGES,
    MOST_MESSAGES_MS,
    VoiceMessage,
)

LOOK_S: Final = 5.0
"""Nobody may have told us of a recording's end: it is an earlier agent's, or was still written."""
SETTLED_S: Final = 10.0
"""FreeSWITCH writes 4 s of sound at a time: a file at rest for longer is finished."""
MAX_BYTES: Final = 1_900_000
"""A minute is 960 kB; the table takes 2 MB."""
MAX_WAITING: Final = 500
"""Half a gigabyte at most, should Postgres be away for days: the oldest go."""

KEPT_S: Final = MOST_VOICE_MESSAGE_DAYS * 86_400.0
"""A recording that could not be delivered for so long is deleted here, as it would be there."""
ROOM_AT_ONCE: Final = 10

log = structlog.get_logger()


class VoiceMessages:
    """Brings the recordings of one folder to Postgres."""

    def __init__(self, *, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._finished: set[str] = set()
        self._hidden: set[str] = set()
        self._wanted = gevent.event.Event()

    def finished(self, channel_uuid: UUID, *, hidden: bool) -> bool:
        """Let this channel's message go, if there is one: nothing more is recorded. False: none.

        `hidden`: whatever FreeSWITCH wrote down, its caller has no number to us.
        """
        left = (self._folder / f"{channel_uuid}.wav").exists()
        if left:
            if hidden:
                self._hidden.add(str(channel_uuid))
            self._finished.add(str(channel_uuid))
            self._wanted.set()
        return left

    def run(self) -> None:
        """Deliver what is finished, beginning with what an earlier agent left behind."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        run_loop(
            "voice_messages",
            self.deliver,
            every_s=LOOK_S,
            failures=metrics.LOOP_FAILURES,
            wake=self._wanted,
        )

    def deliver(self) -> None:
        """Deliver everything that is finished. Raises `SQLAlchemyError`, `OSError`."""
        self._wanted.clear()
        files = sorted(self._folder.glob("*.wav"), key=_modified)
        self._finished &= {file.stem for file in files}
        self._hidden &= self._finished
        for file in files[:-MAX_WAITING]:
            self._drop(file, "too_many")
        for file in files[-MAX_WAITING:]:
            try:
                self._deliver(file)
            except OSError as error:  # one that cannot be read keeps no other back
                metrics.LOOP_FAILURES.labels("voice_message").inc()
                log.error(
                    "voice_message_not_read", channel_uuid=file.stem, error=type(error).__name__
                )

    def _deliver(self, file: Path) -> None:
        status = file.stat()
        if file.stem not in self._finished and time.time() < status.st_mtime + SETTLED_S:
            return  # somebody still speaks
        try:
            if status.st_mtime < time.time() - KEPT_S:
                raise UnusableRecording("old")
            channel_uuid = UUID(file.stem)
            if status.st_size > MAX_BYTES:
                raise UnusableRecording("long")
            recording = Recording.parse(file.read_bytes())
            self._keep(channel_uuid, recording, ended_at=status.st_mtime)
        except UnusableRecording as unusable:
            self._drop(file, unusable.reason)
        except IntegrityError:
            self._drop(file, "no_restaurant")
        except ValueError:
            self._drop(file, "unreadable")
        else:
            file.unlink(missing_ok=True)

    def _keep(self, channel_uuid: UUID, recording: Recording, *, ended_at: float) -> None:
        message_id = new_id()
        length = timedelta(milliseconds=recording.duration_ms)
        hidden = str(channel_uuid) in self._hidden
        with self._engine.begin() as connection:
            make_room(connection, recording.restaurant_id)
            message = insert(VoiceMessage).values(
                id=message_id,
                restaurant_id=recording.restaurant_id,
                channel_uuid=channel_uuid,
                caller_number=None if hidden else _caller_number(connection, recording),
                recorded_at=datetime.fromtimestamp(ended_at, UTC) - length,
                duration_ms=recording.duration_ms,
                audio=recording.wav(),
            )
            once = message.on_conflict_do_nothing(index_elements=["channel_uuid"])
            if connection.execute(once.returning(VoiceMessage.id)).scalar() is None:
                return  # delivered before: only its file was left
            connection.execute(
                insert(EventOutbox).values(
                    restaurant_id=recording.restaurant_id,
                    topic=OutboxTopic.VOICE_MESSAGE_LEFT,
                    payload={"voice_message_id": str(message_id)},
                )
            )
        metrics.VOICE_MESSAGES.inc()
        log.info(
            "voice_message_delivered",
            channel_uuid=str(channel_uuid),
            restaurant_id=str(recording.restaurant_id),
            duration_ms=recording.duration_ms,
        )

    def _drop(self, file: Path, reason: str) -> None:
        metrics.VOICE_MESSAGES_DROPPED.labels(reason=reason).inc()
        log.info("voice_message_dropped", channel_uuid=file.stem, reason=reason)
        file.unlink(missing_ok=True)


def make_room(connection: Connection, restaurant_id: UUID) -> None:
    """Delete the oldest messages somebody has listened to while the restaurant's box is full.

    Raises `UnusableRecording` when there are none: callers were told so since, and what waits is
    not thrown away.
    """
    mine = VoiceMessage.restaurant_id == restaurant_id
    held = select(func.count(), func.coalesce(func.sum(VoiceMessage.duration_ms), 0)).where(mine)
    heard = (
        select(VoiceMessage.id)
        .where(mine, VoiceMessage.heard_at.is_not(None))
        .order_by(VoiceMessage.recorded_at)
        .limit(ROOM_AT_ONCE)
    )
    while _is_full(connection.execute(held).one()):
        made = connection.execute(delete(VoiceMessage).where(VoiceMessage.id.in_(heard)))
        if not made.rowcount:
            raise UnusableRecording("box_full")


def _is_full(held: Row[int, int]) -> bool:
    count, length_ms = held
    return count >= MOST_MESSAGES or length_ms >= MOST_MESSAGES_MS


def _modified(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:  # gone, or not to be looked at: `_deliver` meets it too
        return 0.0


def _caller_number(connection: Connection, recording: Recording) -> str | None:
    """E.164, read by the plan of the restaurant's own phone."""
    own = connection.scalar(
        select(Restaurant.phone_e164).where(Restaurant.id == recording.restaurant_id)
    )
    return normalise(recording.caller, region_of(own or ""))
