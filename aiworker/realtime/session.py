"""What a Realtime session is told at its start: instructions, audio, turns, tools. Pure."""

from importlib.resources import files
from string import Template
from typing import Any

from aiworker.settings import WorkerSettings
from aiworker.tools.spoken_french import spoken_hours
from controlplane.contracts.restaurant_config import RestaurantConfig


def session_update(
    settings: WorkerSettings, config: RestaurantConfig, tools: list[dict[str, Any]]
) -> dict[str, Any]:
    """The `session` of `session.update`. Turn taking is ours: the server only detects speech."""
    reduction = settings.noise_reduction
    return {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": instructions(config),
        "audio": {
            "input": {
                "format": {"type": "audio/pcmu"},
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
            "output": {"format": {"type": "audio/pcmu"}, "voice": config.voice},
        },
        "tools": tools,
        "tool_choice": "auto",
    }


def instructions(config: RestaurantConfig) -> str:
    """The French instructions, with what does not change during a call: the prompt cache lasts."""
    template = Template((files("aiworker.prompts") / "instructions.fr.txt").read_text("utf-8"))
    categories: dict[str, list[str]] = {}
    for item in config.menu:
        categories.setdefault(item.category, []).append(item.name)
    menu = "\n".join(f"- {name} : {', '.join(dishes)}" for name, dishes in categories.items())
    return template.substitute(
        restaurant=config.spoken_name,
        address=config.address,
        opening=spoken_hours(config.opening),
        preparation=config.preparation_minutes,
        people=", ".join(["le restaurant", *(target.name for target in config.transfer_targets)]),
        menu=menu,
    )
