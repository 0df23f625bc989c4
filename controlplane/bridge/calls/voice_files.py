"""Step 8 of a call: the files mod_audio_stream writes of the assistant's voice, 16 kB a second.

The module removes a stream's files when the stream ends (audio_streamer_glue.cpp, `deleteFiles`).
Until then they would only grow, in memory: each is removed as soon as nobody will play it any more.
An agent that dies leaves what it had not removed to the end of the stream; a FreeSWITCH that dies
leaves it to the next look (`controlplane/bridge/disk_space.py`).
"""

import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import UUID

LEFT_BEHIND_S: Final = 1_800.0
"""No call is longer than 20 min, so a file of the stream that is older is nobody's: FreeSWITCH was
killed, or could not write it."""

_VOICE_FILE: Final = re.compile(r"([0-9a-f-]{36})_\d+\.tmp\.r8")  # audio_streamer_glue.cpp


def remove_voice_file(channel_uuid: UUID, file: str) -> None:
    """Remove a file of this channel's stream; any other is left alone, for the name came by way of
    the worker. One that is gone already, or is in a container we cannot see, is no fault.
    """
    named = _VOICE_FILE.fullmatch(os.path.basename(file))
    if named is not None and named[1] == str(channel_uuid):
        with suppress(OSError):
            os.unlink(file)


def look_after(temp: Path) -> tuple[int, int]:
    """Remove the files of calls long over. Return their number, and how many bytes of the
    assistant's voice are left.
    """
    oldest = time.time() - LEFT_BEHIND_S
    removed = held = 0
    for file in temp.iterdir():
        if _VOICE_FILE.fullmatch(file.name):
            with suppress(FileNotFoundError):  # heard, or its call has just ended
                found = file.stat()
                if found.st_mtime < oldest:
                    file.unlink()
                    removed += 1
                else:
                    held += found.st_size
    return removed, held
