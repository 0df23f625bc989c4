"""The session object: defaults, `session.update` merged in, the ranges the types do not say."""

import copy
import re
import time
from typing import Any, Final

from aiworker.simulator.audio_format import AudioFormat
from aiworker.simulator.errors import InvalidRequest
from aiworker.simulator.vad import VadSettings

SESSION_MAX_S: Final = 3_600
"""The service ends a session after 60 minutes."""

DEFAULT_INSTRUCTIONS: Final = "Your knowledge cutoff is 2023-10. You are a helpful, witty AI."
_SERVER_VAD: Final = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
_SEMANTIC_VAD: Final = {
    "type": "semantic_vad",
    "eagerness": "auto",
    "create_response": True,
    "interrupt_response": True,
}
_SEMANTIC_SILENCE_MS: Final = {"low": 1_000, "medium": 600, "auto": 600, "high": 300}
_NULLABLE: Final = {
    "turn_detection",
    "idle_timeout_ms",
    "noise_reduction",
    "transcription",
    "tracing",
    "prompt",
    "include",
}
_TOOL_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_TOOLS: Final = 128
_TIMEOUT_RANGE_MS: Final = (5_000, 30_000)


class SessionConfig:
    """The effective configuration of one session, as `session.updated` echoes it."""

    def __init__(self, *, session_id: str, model: str, max_s: float = SESSION_MAX_S) -> None:
        pcm = AudioFormat.PCM.describe()
        self.data: dict[str, Any] = {
            "type": "realtime",
            "object": "realtime.session",
            "id": session_id,
            "model": model,
            "expires_at": int(time.time() + max_s),
            "output_modalities": ["audio"],
            "instructions": DEFAULT_INSTRUCTIONS,
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": "inf",
            "tracing": None,
            "truncation": "auto",
            "prompt": None,
            "include": None,
            "audio": {
                "input": {
                    "format": pcm,
                    "transcription": None,
                    "noise_reduction": None,
                    "turn_detection": dict(_SERVER_VAD),
                },
                "output": {"format": dict(pcm), "voice": "alloy", "speed": 1.0},
            },
        }
        self.audio_was_sent = False

    def update(self, change: dict[str, Any]) -> None:
        """Merge the session of `session.update`, or raise InvalidRequest and change nothing."""
        if change["type"] != "realtime":
            raise InvalidRequest.not_one_of("session.type", change["type"], ["realtime"])
        self._check(change)
        merged = copy.deepcopy(self.data)
        merged |= _kept({name: value for name, value in change.items() if name != "audio"})
        for side, fields in (change.get("audio") or {}).items():
            merged["audio"][side] |= self._sides(side, _kept(fields or {}))
        self.data = merged

    def _sides(self, side: str, fields: dict[str, Any]) -> dict[str, Any]:
        if side == "output" or fields.get("turn_detection") is None:
            return fields
        asked = fields["turn_detection"]
        known = _SERVER_VAD if asked["type"] == "server_vad" else _SEMANTIC_VAD
        now = self.turn_detection or {}
        base = now if now.get("type") == asked["type"] else known
        return fields | {"turn_detection": base | _kept(asked)}

    def _check(self, change: dict[str, Any]) -> None:
        if change.get("model") not in (None, self.data["model"]):
            raise InvalidRequest(
                "cannot_update_model", "Cannot update a session's model.", param="session.model"
            )
        check_modalities(change, "session")
        check_output_tokens(change, "session")
        check_tools(change.get("tools") or [], "session.tools")
        audio = change.get("audio") or {}
        _check_input(audio.get("input") or {})
        self._check_output(audio.get("output") or {})

    def _check_output(self, output: dict[str, Any]) -> None:
        _check_format(output, "session.audio.output")
        _check_range(output, "speed", "session.audio.output", (0.25, 1.5))
        voice = output.get("voice")
        if self.audio_was_sent and voice not in (None, self.voice):
            raise InvalidRequest(
                "cannot_update_voice",
                "Cannot update a conversation's voice if assistant audio is present.",
                param="session.audio.output.voice",
            )

    @property
    def turn_detection(self) -> dict[str, Any] | None:
        """The effective turn detection, None when the client commits by itself."""
        found: dict[str, Any] | None = self.data["audio"]["input"]["turn_detection"]
        return found

    @property
    def vad(self) -> VadSettings | None:
        """What the detector runs with; semantic VAD is played by a silence of its eagerness."""
        turn = self.turn_detection
        if turn is None:
            return None
        if turn["type"] == "semantic_vad":
            return VadSettings(silence_duration_ms=_SEMANTIC_SILENCE_MS[turn["eagerness"]])
        return VadSettings(
            threshold=turn["threshold"],
            prefix_padding_ms=turn["prefix_padding_ms"],
            silence_duration_ms=turn["silence_duration_ms"],
        )

    @property
    def input_format(self) -> AudioFormat:
        """What the caller's audio comes in."""
        return AudioFormat(self.data["audio"]["input"]["format"]["type"])

    @property
    def output_format(self) -> AudioFormat:
        """What the agent's audio goes out in."""
        return AudioFormat(self.data["audio"]["output"]["format"]["type"])

    @property
    def voice(self) -> Any:
        """The effective voice."""
        return self.data["audio"]["output"]["voice"]


def _kept(fields: dict[str, Any]) -> dict[str, Any]:
    """Drop the nulls of fields that always have a value."""
    return {n: value for n, value in fields.items() if value is not None or n in _NULLABLE}


def check_modalities(fields: dict[str, Any], path: str) -> None:
    """Refuse any `output_modalities` but exactly one."""
    modalities = fields.get("output_modalities")
    if modalities is not None and len(modalities) != 1:
        raise InvalidRequest(
            "invalid_value",
            f"Invalid modalities: {modalities}. "
            "Supported combinations are: ['text'] and ['audio'].",
            param=f"{path}.output_modalities",
        )


def check_output_tokens(fields: dict[str, Any], path: str) -> None:
    """Refuse a `max_output_tokens` outside 1..4096."""
    if isinstance(fields.get("max_output_tokens"), int):
        _check_range(fields, "max_output_tokens", path, (1, 4096))


def check_tools(tools: list[dict[str, Any]], path: str) -> None:
    """Refuse tools without a usable, unique name."""
    if len(tools) > _MAX_TOOLS:
        raise InvalidRequest(
            "array_above_max_length", f"Invalid '{path}': array too long.", param=path
        )
    seen: set[str] = set()
    for number, tool in enumerate(tools):
        if tool.get("type") is None:
            raise InvalidRequest.missing(f"{path}[{number}].type")
        if tool.get("type") != "function":
            continue
        where = f"{path}[{number}].name"
        name = tool.get("name")
        if not name:
            raise InvalidRequest.missing(where)
        if not _TOOL_NAME.fullmatch(name) or name in seen:
            raise InvalidRequest("invalid_value", f"Invalid '{where}': '{name}'.", param=where)
        seen.add(name)


def _check_input(fields: dict[str, Any]) -> None:
    path = "session.audio.input"
    _check_format(fields, path)
    _check_range(fields.get("noise_reduction") or {}, "strength", path, (0.0, 1.0))
    turn = fields.get("turn_detection")
    if turn is None:
        return
    path += ".turn_detection"
    if "type" not in turn:
        raise InvalidRequest.missing(f"{path}.type")
    server_only = {"threshold", "prefix_padding_ms", "silence_duration_ms", "idle_timeout_ms"}
    foreign = server_only if turn["type"] == "semantic_vad" else {"eagerness"}
    for name in sorted(foreign & turn.keys()):
        raise InvalidRequest.unknown(f"{path}.{name}")
    _check_range(turn, "threshold", path, (0.0, 1.0))
    _check_range(turn, "prefix_padding_ms", path, (0, 10_000))
    _check_range(turn, "silence_duration_ms", path, (0, 10_000))
    _check_range(turn, "idle_timeout_ms", path, _TIMEOUT_RANGE_MS)


def _check_format(fields: dict[str, Any], path: str) -> None:
    audio_format = fields.get("format")
    if audio_format is None:
        return
    if audio_format.get("type") is None:
        raise InvalidRequest.missing(f"{path}.format.type")
    if audio_format["type"] == AudioFormat.PCM:
        if "rate" not in audio_format:
            raise InvalidRequest.missing(f"{path}.format.rate")
    elif "rate" in audio_format:
        raise InvalidRequest.unknown(f"{path}.format.rate")


def _check_range(fields: dict[str, Any], name: str, path: str, limits: tuple[float, float]) -> None:
    value = fields.get(name)
    if value is not None and not limits[0] <= value <= limits[1]:
        raise InvalidRequest.out_of_range(f"{path}.{name}", value, low=limits[0], high=limits[1])
