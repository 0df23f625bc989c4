"""The simulator's settings, from the environment that FreeSWITCH's own `conf/vars.xml` reads."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

CONF_FOLDER = Path(__file__).parent.parent / "conf"


class SimulatorSettings(BaseSettings):
    """They are read once, in `run()`."""

    model_config = SettingsConfigDict(env_prefix="ALLORESTO_", extra="ignore", frozen=True)

    esl_port: int = 8021
    esl_password: str = Field(min_length=8, repr=False)
    sip_ip: str = "127.0.0.1"
    sip_port: int = 5080
    carrier_networks: str = "127.0.0.0/8"
    """These networks, separated by commas, may call until the bridge agent has written its lists;
    others get 403."""
    gateway_folder: Path
    sounds_folder: Path
    voicemail_folder: Path
    """Callers' messages are recorded here."""
    temp_folder: Path
    """The audio of `streamAudio` messages is written here."""
    max_sessions: int = 400
    simulator_time_factor: float = Field(default=1.0, gt=0, le=10)
    """Scales the delays of gateways and of the heartbeat: 0.1 makes a registration take 0.2 s."""
    registrar_port: int = Field(default=0, validation_alias="ALLORESTO_SIMULATOR_REGISTRAR_PORT")
    """A carrier's registrar opens on this UDP port; 0 opens none."""
    simulator_accounts: dict[str, str] = Field(default_factory=dict, repr=False)
    """That carrier's accounts, as JSON: password by user name."""
    log_level: str = "INFO"

    @property
    def globals(self) -> dict[str, str]:
        """Return what `$${name}` stands for in the dialplan, and what `global_getvar` answers."""
        return {
            "sounds_folder": str(self.sounds_folder),
            "sounds_dir": str(self.sounds_folder),
            "gateway_folder": str(self.gateway_folder),
            "voicemail_folder": str(self.voicemail_folder),
            "temp_dir": str(self.temp_folder),
            "sip_ip": self.sip_ip,
            "sip_port": str(self.sip_port),
            "sip_tls": "false",
        }
