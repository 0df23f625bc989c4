"""The disks a call needs: room for voice messages, and for the assistant's voice on its way.

A disk that fills up is seen coming (`alloresto_bridge_disk_free_bytes`). Before it is full, voice
messages are refused: the dialplan says goodbye where it would have recorded. What FreeSWITCH left
of calls long over is removed.
"""

import os
from pathlib import Path
from typing import Final

import structlog

from controlplane.bridge import metrics
from controlplane.bridge.calls.voice_files import look_after
from controlplane.bridge.standing_refusal import StandingRefusal
from controlplane.contracts.channel_variables import ChannelVariable
from controlplane.esl.client import EslClient
from controlplane.loop import run_loop

LOOK_S: Final = 5.0
MESSAGES_ROOM_BYTES: Final = 20 * 2**20
"""Twenty callers may be recorded at once, a minute each; FreeSWITCH ends a recording that does not
fit, and hangs up on a caller whose recording cannot begin."""
log = structlog.get_logger()


class DiskSpace:
    """Looks after this bridge's folders, and tells its FreeSWITCH when one has no room."""

    def __init__(self, *, esl: EslClient, messages: Path) -> None:
        self._esl = esl
        self._messages = messages
        self._temp: Path | None = None
        self._refusal = StandingRefusal(esl, ChannelVariable.MESSAGES_REFUSED)

    def connected(self) -> None:
        """Forget what FreeSWITCH was told: it may be another one."""
        self._temp = None
        self._refusal.forget()

    def run(self) -> None:
        """Look for as long as the process lives."""
        run_loop("disk_space", self.look, every_s=LOOK_S, failures=metrics.LOOP_FAILURES)

    def look(self) -> None:
        """Measure, refuse or take messages, and remove what is left behind. Raises `EslError`,
        `OSError`.
        """
        self._messages.mkdir(mode=0o700, parents=True, exist_ok=True)
        free = free_bytes(self._messages)
        metrics.DISK_FREE.labels("messages").set(free)
        metrics.MESSAGES_TAKEN.set(free >= MESSAGES_ROOM_BYTES)
        if not self._esl.connected:
            return
        self._refuse_messages(free < MESSAGES_ROOM_BYTES)
        temp = self._temp = self._temp or Path(self._esl.api("global_getvar temp_dir").strip())
        if temp.is_dir():  # it may be of another container
            removed, held = look_after(temp)
            metrics.STREAM_FILES_REMOVED.inc(removed)
            metrics.VOICE_HELD.set(held)
            metrics.DISK_FREE.labels("voice").set(free_bytes(temp))

    def _refuse_messages(self, refused: bool) -> None:  # noqa: FBT001 (what is told is a boolean)
        told = self._refusal.told
        self._refusal.tell(refused=refused)
        if refused != told and (refused or told):
            log.warning("voice_messages_refused" if refused else "voice_messages_taken_again")


def free_bytes(folder: Path) -> int:
    """Return the room there is for a process without privileges; none where no file can be made."""
    room = os.statvfs(folder)
    if room.f_files and not room.f_favail:
        return 0
    return room.f_bavail * room.f_frsize
