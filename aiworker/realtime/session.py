"""A Realtime session is told this at its start, and must agree to its audio. Pure."""

from importlib.resources import files
from string import Template
from typing import Any, Final

from aiworker.realtime.errors import RealtimeUnavailable
from aiworker.realtime.events import AudioFormat, AudioSide, SessionAudio, SessionUpdated
from aiworker.settings import WorkerSettings
from controlplane.contracts.restaurant_config import RestaurantConfig
from controlplane.spoken.spoken_french import spoken_exceptions, spoken_hours

PCMU: Final = "audio/pcmu"
"""Both ways are G.711 µ-law at 8 kHz, as the telephone speaks: nothing is resampled."""


def session_config(
    settings: WorkerSettings, config: RestaurantConfig, tools: list[dict[str, Any]]
) -> dict[str, Any]:
    """Build the `session` of `session.update`. The server only detects speech: turns are ours."""
    reduction = settings.noise_reduction
    return {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": instructions(config),
        "audio": {
            "input": {
                "format": {"type": PCMU},
                "noise_reduction": None if reduction == "off" else {"type": reduction},
                "transcription": {"model": settings.transcription_model, "language": "fr"},
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": settings.vad_threshold,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": settings.vad_silence_ms,
                    "create_response": False,
                    "interrupt_response": False,
                },
            },
            "output": {"format": {"type": PCMU}, "voice": config.voice},
        },
        "tools": tools,
        "tool_choice": "auto",
    }


def instructions(config: RestaurantConfig) -> str:
    """Build the French instructions from what does not change in a call, for the prompt cache."""
    template = Template((files("aiworker.prompts") / "instructions.fr.txt").read_text("utf-8"))
    categories: dict[str, list[str]] = {}
    for item in config.menu:
        categories.setdefault(item.category, []).append(item.name)
    menu = "\n".join(f"- {name} : {', '.join(dishes)}" for name, dishes in categories.items())
    return template.substitute(
        restaurant=config.spoken_name,
        address=config.address,
        opening=spoken_hours(config.opening),
        exceptions=spoken_exceptions(config.opening_exceptions, config.holidays.hours),
        preparation=config.preparation_minutes,
        people=", ".join(["le restaurant", *(target.name for target in config.transfer_targets)]),
        answers="\n".join(f"- {one.question} {one.answer}" for one in config.faq) or "Aucune.",
        menu=menu,
    )


def check_formats(event: SessionUpdated) -> None:
    """Raise `RealtimeUnavailable` unless the session speaks PCMU both ways: else it plays noise."""
    audio = event.session.audio or SessionAudio()
    for name, side in (("input", audio.input), ("output", audio.output)):
        told = (side or AudioSide()).format or AudioFormat()
        if told.type != PCMU:
            raise RealtimeUnavailable(f"{name}_format_not_pcmu")
