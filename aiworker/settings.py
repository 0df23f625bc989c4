"""The AI worker reads its settings from the environment once, in `run()`."""

import os
import socket
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr

from controlplane.contracts.messages import NODE_NAME
from controlplane.settings import ServiceSettings


def _node_name() -> str:
    return f"{socket.gethostname()[:48]}-{os.getpid()}"


class WorkerSettings(ServiceSettings):
    """Each field is `ALLORESTO_` and its name in the environment, unless an alias says more.

    Model and voice belong to each restaurant (`RestaurantConfig`); `realtime_model` here overrides
    them all, for the day a model is withdrawn.
    """

    worker_id: str = Field(default_factory=_node_name, pattern=NODE_NAME)
    worker_slots: int = Field(default=1, ge=1, le=200)
    """The worker serves this many calls at once."""

    claim_keys: str = Field(default="", repr=False)
    """The first of these keys signs this worker's claims; the bridges have the same."""

    media_host: str = "127.0.0.1"
    """The call WebSockets listen on this address."""
    media_port: int = Field(default=0, ge=0, le=65_535)
    """0 takes a free port."""
    media_url: str | None = Field(default=None, pattern=r"^wss?://[\w.\-]+:\d{1,5}$")
    """Bridges are told to connect to this; None stands for the address bound."""
    media_certificate: Path | None = None
    media_key: Path | None = None
    """With both the call WebSockets are spoken over TLS (`wss://`)."""

    realtime_url: str = "wss://api.openai.com/v1"
    """`/realtime` is below this; any server will do that speaks the protocol."""
    openai_api_key: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("OPENAI_API_KEY", "ALLORESTO_OPENAI_API_KEY"),
    )
    realtime_model: str | None = None
    transcription_model: str = "gpt-transcribe"
    noise_reduction: Literal["near_field", "far_field", "off"] = "near_field"
    vad_threshold: float = Field(default=0.5, ge=0.0, le=1.0)
    vad_silence_ms: int = Field(default=500, ge=100, le=2_000)

    max_call_seconds: int = Field(default=900, ge=60, le=3_000)
    """No call lasts longer; the Realtime session itself ends at 60 min."""
    drain_seconds: int = Field(default=960, ge=0)
    """After SIGTERM calls may go on for so long: the longest call and its wrap-up."""
