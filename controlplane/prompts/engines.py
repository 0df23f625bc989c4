"""Which speech engine a controller renders with. Pure but for a look at PATH; it loads none."""

from enum import StrEnum
from typing import Final, Literal

from controlplane.errors import ConfigurationError
from controlplane.prompts.synthesiser import synthesiser

SpeechChoice = Literal["auto", "openai", "espeak-ng", "off"]


class Engine(StrEnum):
    """The engines by name and version. The number rises when the same text comes to sound
    otherwise, by instructions, voice or spelling: every prompt is then rendered again.
    """

    OPENAI = "openai/gpt-4o-mini-tts/1"
    ESPEAK_NG = "espeak-ng/1"


_MISSING: Final = {
    Engine.OPENAI: "ALLORESTO_SPEECH=openai needs OPENAI_API_KEY",
    Engine.ESPEAK_NG: "ALLORESTO_SPEECH=espeak-ng needs the program espeak-ng on PATH",
}


def choose_engine(choice: SpeechChoice, *, has_key: bool) -> Engine | None:
    """Return the engine, or None: callers then hear the packaged prompts.

    Raises ConfigurationError when the engine asked for by name is not here.
    """
    here = {Engine.OPENAI: has_key, Engine.ESPEAK_NG: synthesiser() is not None}
    if choice in ("auto", "off"):
        usable = (engine for engine, is_here in here.items() if is_here)
        return next(usable, None) if choice == "auto" else None
    engine = Engine.OPENAI if choice == "openai" else Engine.ESPEAK_NG
    if not here[engine]:
        raise ConfigurationError(_MISSING[engine])
    return engine
