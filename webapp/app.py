"""The site: its routes, headers and templates, and an outbox feed that lives as long as it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from fastapi.staticfiles import StaticFiles

from controlplane.database import async_engine, async_sessions
from controlplane.database_roles import DatabaseRole
from controlplane.menu_pictures.vision import MenuVision
from controlplane.payments.checkout import Payments
from controlplane.payments.stripe_api import Stripe
from controlplane.redis_clients import asyncio_redis
from controlplane.secret_box import SecretBox
from webapp.api.application import PATH as API_PATH
from webapp.api.application import create_api
from webapp.body_limit import BodyLimit
from webapp.cross_site import CrossSiteRefused
from webapp.errors import add_error_handlers
from webapp.eventstream import OutboxFeed
from webapp.payments.close_links import close_links
from webapp.routers import ROUTERS
from webapp.security_headers import SecurityHeaders
from webapp.settings import WebSettings
from webapp.site import Site
from webapp.templating import STATIC, templates
from webapp.topics import TOPICS
from webapp.words import LanguageOfRequest

POOL_SIZE = 10
"""One process keeps this many connections to Postgres; a stream holds none while it waits."""
FEED_POOL_SIZE = 4
"""The feed of open pages has its own: it reads the outbox of all restaurants, under another role.
"""

PLATFORM_POOL_SIZE = 2
"""A handful of people work for the platform."""
REDIS_TIMEOUT_S = 1.0
"""A page that Redis does not answer in this time does without it."""


def create_app(settings: WebSettings) -> FastAPI:
    """Make the application; it connects when it starts, not before."""
    feed_url = settings.feed_url or settings.database_url
    engine, outbox = (
        async_engine(url, application_name=name, role=role, pool_size=size)
        for url, name, role, size in (
            (settings.database_url, "web", DatabaseRole.WEB, POOL_SIZE),
            (feed_url, "web feed", DatabaseRole.OUTBOX, FEED_POOL_SIZE),
        )
    )
    back_office = settings.platform_url and async_engine(
        settings.platform_url,
        application_name="web platform",
        role=DatabaseRole.PLATFORM,
        pool_size=PLATFORM_POOL_SIZE,
    )
    sessions = async_sessions(engine)
    feed = OutboxFeed(feed_url, async_sessions(outbox))
    stripe = Stripe(settings.stripe_url)
    box = _box(settings)
    vision = _vision(settings)
    payments = Payments(sessions, stripe, box)
    redis = asyncio_redis(
        settings.redis_url, connect_timeout_s=REDIS_TIMEOUT_S, timeout_s=REDIS_TIMEOUT_S
    )

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        loops = {
            "outbox-feed": feed.run(),
            "close-links": close_links(payments.close_due),
            "close-sessions": close_links(payments.close_sessions),
        }
        tasks = [asyncio.create_task(loop, name=name) for name, loop in loops.items()]
        try:
            yield
        finally:
            feed.close()
            for task in tasks:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await stripe.close()
            if vision is not None:
                await vision.close()
            await redis.aclose()
            await engine.dispose()
            await outbox.dispose()
            if back_office:
                await back_office.dispose()

    app = FastAPI(
        title="AlloResto", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.state.site = Site(
        settings,
        sessions=sessions,
        feed=feed,
        templates=templates(),
        box=box,
        redis=redis,
        platform=async_sessions(back_office) if back_office else None,
    )
    app.state.payments = payments
    app.state.menu_vision = vision
    app.state.topics = TOPICS
    app.add_middleware(CrossSiteRefused)
    app.add_middleware(BodyLimit)
    app.add_middleware(LanguageOfRequest)
    app.add_middleware(SecurityHeaders, https=settings.public_url.startswith("https://"))
    app.mount(API_PATH, create_api(app.state.site))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for router in ROUTERS:
        app.include_router(router)
    app.add_api_route("/healthz", healthz, include_in_schema=False)
    add_error_handlers(app)
    return app


def _box(settings: WebSettings) -> SecretBox:
    """Without keys a fresh one opens nothing: who has an account is told, nobody else needs one."""
    return SecretBox.from_keys(settings.secret_keys or SecretBox.new_key())


def _vision(settings: WebSettings) -> MenuVision | None:
    key = settings.openai_api_key.get_secret_value()
    model, url = settings.vision_model, settings.vision_url
    return MenuVision(key, model=model, url=url) if key else None


async def healthz() -> PlainTextResponse:
    """Answer that the process lives; whether Postgres does is not its pod's fault."""
    return PlainTextResponse("ok")
