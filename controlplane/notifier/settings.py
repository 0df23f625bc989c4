"""The settings of the notifier: who carries SMS, who carries e-mail.

Neither has a default: a notifier that forgot its operator ends at its start, and says so.
"""

from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from controlplane.errors import InvalidSettings
from controlplane.settings import PREFIX, ServiceSettings


class SmsBy(StrEnum):
    """Says who carries SMS."""

    OVH = "ovh"
    CATCHER = "catcher"


class EmailBy(StrEnum):
    """Says who carries e-mail."""

    SMTP = "smtp"
    CATCHER = "catcher"


class SmtpTls(StrEnum):
    """Says how the way to the mail server is encrypted."""

    STARTTLS = "starttls"
    TLS = "tls"
    """From the first byte (RFC 8314 §3)."""
    NONE = "none"
    """Only to a server on this machine."""


_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class NotifierSettings(ServiceSettings):
    """Everything the notifier needs."""

    public_url: str = Field(pattern=r"^https?://\S+$")
    """Links begin with it: the site's own, without a trailing path."""
    link_secret: SecretStr = Field(min_length=16)
    """It signs receipts' links: the site's own."""
    secret_keys: str = Field(min_length=44, repr=False)
    """They open each restaurant's key of its suppression list."""
    sms: SmsBy
    email: EmailBy
    catch_folder: Path | None = None
    """The catcher writes here."""
    ovh_endpoint: str = Field(default="https://eu.api.ovh.com/1.0", pattern=r"^https?://\S+$")
    ovh_application_key: str = ""
    ovh_application_secret: SecretStr = SecretStr("")
    ovh_consumer_key: SecretStr = SecretStr("")
    ovh_service_name: str = ""
    """The SMS account, such as `sms-ab12345-1`."""
    ovh_sender: str = Field(default="", max_length=11)
    """OVH has to know it as a sender of that account."""
    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65_535)
    smtp_tls: SmtpTls = SmtpTls.STARTTLS
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_sender: str = ""
    """An address, or `Name <address>`."""

    def check(self) -> None:
        """Raise `InvalidSettings`, which names every one that its providers lack."""
        needed: dict[str, object] = {}
        if self.sms is SmsBy.OVH:
            needed |= {
                "ovh_application_key": self.ovh_application_key,
                "ovh_application_secret": self.ovh_application_secret.get_secret_value(),
                "ovh_consumer_key": self.ovh_consumer_key.get_secret_value(),
                "ovh_service_name": self.ovh_service_name,
            }
        if self.email is EmailBy.SMTP:
            needed |= {"smtp_host": self.smtp_host, "smtp_sender": self.smtp_sender}
        if self._catches:
            needed["catch_folder"] = self.catch_folder
        problems = [
            f"{PREFIX}{name.upper()}: it is missing" for name, given in needed.items() if not given
        ]
        if self._catches and not self.on_this_machine:
            problems.append(
                f"{PREFIX}SMS, {PREFIX}EMAIL: the catcher sends nothing, so it is refused where"
                f" {PREFIX}PUBLIC_URL is not on this machine"
            )
        if self.smtp_tls is SmtpTls.NONE and self.smtp_host not in {"", *_LOOPBACK}:
            problems.append(f"{PREFIX}SMTP_TLS: starttls or tls, to a server elsewhere")
        if problems:
            raise InvalidSettings(problems)

    @property
    def on_this_machine(self) -> bool:
        """Whether the site is a developer's: webhooks may then go to loopback, in plain HTTP."""
        return urlsplit(self.public_url).hostname in _LOOPBACK

    @property
    def _catches(self) -> bool:
        return self.sms is SmsBy.CATCHER or self.email is EmailBy.CATCHER
