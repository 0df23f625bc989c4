"""Settings of the control plane's processes, read from the environment once, in `run()`.

`DATABASE_URL`, `REDIS_URL` and `OPENAI_API_KEY` keep their usual names; the others begin with
`ALLORESTO_`.
"""

from pathlib import Path
from typing import Final, Literal, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from controlplane.contracts.messages import NODE_NAME
from controlplane.errors import InvalidSettings
from controlplane.prompts.engines import SpeechChoice

PREFIX: Final = "ALLORESTO_"


class EnvironmentSettings(BaseSettings):
    """All settings are built on this one; what is wrong is named as its variable is."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    @classmethod
    def from_environment(cls) -> Self:
        """Read them. Raises `InvalidSettings`, which names every variable missing or wrong."""
        try:
            return cls()
        except ValidationError as error:
            found = error.errors(include_input=False, include_url=False)
            prefix = cls.model_config["env_prefix"]
            raise InvalidSettings([_problem(one, prefix) for one in found]) from None


class ServiceSettings(EnvironmentSettings):
    """Every process needs these: where the state is, how to log, where to show metrics."""

    database_url: str = Field(
        validation_alias=AliasChoices("DATABASE_URL", "ALLORESTO_DATABASE_URL")
    )
    redis_url: str = Field(validation_alias=AliasChoices("REDIS_URL", "ALLORESTO_REDIS_URL"))
    log_level: str = "INFO"
    log_human: bool = False
    metrics_port: int = 0
    """Prometheus reads from this port of `metrics_host`; 0 opens none."""
    metrics_host: str = "127.0.0.1"


class BridgeSettings(ServiceSettings):
    """The bridge agent's settings. FreeSWITCH's event socket is on loopback, in the same pod."""

    bridge_id: str = Field(default="bridge-0", pattern=NODE_NAME)
    capacity: int = Field(default=200, ge=1, le=200)
    max_calls: int = Field(default=0, ge=0)
    """It takes this many calls at once, and further ones get busy. 0: 25 for each of its cores."""
    esl_host: str = "127.0.0.1"
    esl_port: int = 8021
    esl_password: str = Field(min_length=8, repr=False)
    sip_profile: str = "external"
    gateway_folder: Path
    """FreeSWITCH's external profile includes its gateways from this folder, which is on tmpfs in
    production."""
    sounds_folder: Path
    """FreeSWITCH sees the French prompts under this path."""
    prompt_folder: Path | None = None
    """FreeSWITCH reads restaurants' own prompts here, which the agent writes; None means `prompts`
    beside the gateway folder."""
    voicemail_folder: Path | None = None
    """FreeSWITCH records callers' messages here; None means `messages` beside the gateway folder.
    """
    caller_calls: int = Field(default=6, ge=0)
    """One number may call one restaurant this often within five minutes; the next call gets busy. 0
    allows any number of calls."""
    caller_calls_at_once: int = Field(default=3, ge=0)
    """One number may have this many calls to one restaurant at the same time. 0 allows any number.
    """
    secret_keys: str = Field(min_length=44, repr=False)
    """These are Fernet keys, newest first, separated by commas (`alloresto secrets new-key`)."""
    claim_keys: str = Field(default="", repr=False)
    """These sign workers' claims, newest first, separated by commas: the same as the workers'."""
    firewall: Literal["off", "nftables"] = "off"
    """With `nftables` the agent keeps a table in front of FreeSWITCH's SIP port, where it may."""
    controller_networks: str = ""
    """That table lets these networks in beside the carriers' (CIDR, separated by commas):
    controllers ask there whether FreeSWITCH still listens."""
    drain_deadline_s: int = Field(default=1_500, ge=1)
    """The agent ends this long after SIGTERM, whatever is left. It is above the longest call (20
    min) and below the pod's terminationGracePeriodSeconds."""


class ControllerSettings(ServiceSettings):
    """The controller's settings."""

    replica_id: str = Field(default="controller-0", pattern=NODE_NAME)
    """It names this process alone: two controllers with one name would share their lease."""
    bridge_timeout_s: float = Field(default=5.0, ge=2.0, le=60.0)
    """A bridge not heard of for that long is lost, and its registrations go elsewhere."""
    speech: SpeechChoice = "auto"
    """Restaurants' prompts are said by this engine. `auto`: OpenAI's where its key is set, else
    espeak-ng where it is installed, else none: callers then hear the packaged prompts."""
    openai_api_key: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("OPENAI_API_KEY", "ALLORESTO_OPENAI_API_KEY"),
    )


def _problem(error: ErrorDetails, prefix: str) -> str:
    name = "_".join(map(str, error["loc"]))
    variable = name if name.isupper() else f"{prefix}{name.upper()}"
    return f"{variable}: {error['msg']}"
