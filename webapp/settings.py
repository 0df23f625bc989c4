"""The settings of the web process."""

from pydantic import AliasChoices, Field, SecretStr

from controlplane.menu_pictures.vision import OPENAI_URL
from controlplane.payments.stripe_api import STRIPE_URL
from controlplane.settings import ServiceSettings


class WebSettings(ServiceSettings):
    """Says where the site listens, and with which secret its signed links are made."""

    web_host: str = "127.0.0.1"
    web_port: int = Field(default=8080, ge=1, le=65535)
    public_url: str = Field(default="http://127.0.0.1:8080", pattern=r"^https?://\S+$")
    """Browsers reach the site at this URL, without a trailing path."""
    feed_url: str | None = None
    """The feed of open pages reads and listens to the outbox at this URL, past PgBouncer, which
    passes no notifications on, and as another user. None stands for DATABASE_URL."""
    platform_url: str | None = None
    """The platform's back office reads the database at this URL, as another user. None: this
    process serves no back office."""
    link_secret: SecretStr = Field(min_length=16)
    """It signs customers' links to their receipts; changing it closes every one of them."""
    secret_keys: str = Field(default="", repr=False)
    """They open restaurants' accounts with Stripe, newest first, separated by commas; without any,
    nobody pays online."""
    stripe_url: str = Field(default=STRIPE_URL, pattern=r"^https?://\S+$")
    """Stripe's API, or what stands in for it on a developer's machine."""
    openai_api_key: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("OPENAI_API_KEY", "ALLORESTO_OPENAI_API_KEY"),
    )
    """Menus are read from photos and PDFs with it; without, the page says that it takes tables."""
    vision_model: str = "gpt-4.1"
    """It reads them: any of OpenAI's that takes images and PDFs and answers by a strict schema."""
    vision_url: str = Field(default=OPENAI_URL, pattern=r"^https?://\S+$")
    """OpenAI's API, ending in `/v1`, or what stands in for it."""
