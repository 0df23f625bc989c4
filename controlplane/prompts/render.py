"""Renders a prompt in a process of its own: text and voice go in, a telephone's sound comes out."""

import subprocess
import sys
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from controlplane.contracts.prompts import MOST_PROMPT_MS
from controlplane.prompts.engines import Engine
from controlplane.prompts.speech import SpeechFailed

DEADLINE_S: Final = 60.0
"""The engines end long before, by deadlines of their own; this is for what has none."""
_PROGRAMS: Final = {
    Engine.OPENAI: "controlplane.prompts.openai_speech",
    Engine.ESPEAK_NG: "controlplane.prompts.espeak_speech",
}
_MOST_REASON: Final = 200


class _Message(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64"
    )


class Request(_Message):
    """A prompt to be said."""

    engine: Engine
    text: str
    voice: str


class Sound(_Message):
    """A prompt as callers hear it."""

    wav: bytes
    """It has 8 kHz, mono, 16 bits."""
    duration_ms: int = Field(ge=1, le=MOST_PROMPT_MS)
    level_dbfs: float
    peak_dbfs: float


def render(request: Request) -> Sound:
    """Have it said; it takes some seconds. Raises SpeechFailed."""
    try:
        ended = subprocess.run(
            (sys.executable, "-m", _PROGRAMS[request.engine]),
            input=request.model_dump_json().encode(),
            capture_output=True,
            check=False,
            timeout=DEADLINE_S,
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        raise SpeechFailed(type(error).__name__) from None
    if ended.returncode:
        lines = ended.stderr.decode(errors="replace").strip().splitlines()
        raise SpeechFailed(lines[-1][:_MOST_REASON] if lines else "it ended without a word")
    try:
        return Sound.model_validate_json(ended.stdout)
    except ValidationError:
        raise SpeechFailed("what it wrote is no sound") from None
