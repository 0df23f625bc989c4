"""What all routes share: settings, database sessions, the feed of events, templates, Redis."""

from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from jinja2 import Environment
from redis import asyncio as async_redis
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.secret_box import SecretBox
from webapp.eventstream import OutboxFeed
from webapp.renderings import Renderings
from webapp.settings import WebSettings


class Site:
    """The parts of one process, kept in `app.state.site`."""

    def __init__(
        self,
        settings: WebSettings,
        *,
        sessions: async_sessionmaker[AsyncSession],
        feed: OutboxFeed,
        templates: Environment,
        box: SecretBox,
        redis: async_redis.Redis,
        platform: async_sessionmaker[AsyncSession] | None = None,
    ) -> None:
        self.settings = settings
        self.sessions = sessions
        self.feed = feed
        self.templates = templates
        self.box = box
        self.redis = redis
        self.platform = platform
        """The back office's sessions, which see all restaurants; None where none is served."""
        self.renderings = Renderings()

    @property
    def https(self) -> bool:
        """Whether browsers reach the site over TLS: its cookies are then for TLS alone."""
        return self.settings.public_url.startswith("https://")

    def cookie(self, name: str) -> str:
        """Name a cookie that no subdomain and no plain-text answer can set (RFC 6265bis §4.1.3)."""
        return f"__Host-{name}" if self.https else name


def the_site(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


SiteHere = Annotated[Site, Depends(the_site)]

PARIS = ZoneInfo("Europe/Paris")
"""Pages that are no restaurant's show hours of Paris."""
