"""What the process of a rendering does: it reads a `Request`, has it said, writes a `Sound`, ends.

It is a process of its own for each prompt: what a speech library or an odd recording does to it
holds up no controller, which renews its lease meanwhile and loads no such library.
"""

import sys
from collections.abc import Callable

from controlplane.contracts.prompts import MOST_PROMPT_MS
from controlplane.prompts.render import Request, Sound
from controlplane.prompts.speech import Speech, SpeechFailed
from controlplane.prompts.spoken_text import spoken_text
from controlplane.prompts.telephone_sound import telephone_sound


def render_once(say: Callable[[str, str], Speech]) -> int:
    """Write the sound as JSON and return 0, or why there is none to standard error and return 1.

    `say` is given text and voice.
    """
    request = Request.model_validate_json(sys.stdin.buffer.read())
    try:
        sound = telephone_sound(say(spoken_text(request.text), request.voice))
        if sound.duration_ms > MOST_PROMPT_MS:
            raise SpeechFailed(f"it takes {sound.duration_ms} ms, {MOST_PROMPT_MS} at most")
    except SpeechFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    written = Sound(
        wav=sound.wav(),
        duration_ms=sound.duration_ms,
        level_dbfs=sound.level_dbfs,
        peak_dbfs=sound.peak_dbfs,
    )
    sys.stdout.write(written.model_dump_json())
    return 0
