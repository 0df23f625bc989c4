"""The site: its routes, headers and templates, and an outbox feed that lives as long as it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from controlplane.database import async_engine, async_sessions
from controlplane.database_roles import DatabaseRole
from controlplane.errors import ServiceUnavailable
from controlplane.payments.checkout import Payments
from controlplane.payments.provider import ProviderAway
from controlplane.payments.stripe_api import Stripe
from controlplane.restaurants.errors import NotFound, RestaurantError
from controlplane.secret_box import SecretBox, SecretUnreadable
from webapp.eventstream import OutboxFeed
from webapp.kitchen.routes import Site, messages_router
from webapp.kitchen.routes import router as kitchen_router
from webapp.payments.close_links import close_links
from webapp.payments.routes import router as payments_router
from webapp.printers.routes import router as printers_router
from webapp.receipt.routes import router as receipt_router
from webapp.security_headers import SecurityHeaders
from webapp.settings import WebSettings

FOLDER = Path(__file__).parent
POOL_SIZE = 10
"""One process keeps this many connections to Postgres; a stream holds none while it waits."""
FEED_POOL_SIZE = 4
"""The feed of open pages has its own: it reads the outbox of all restaurants, under another role.
"""

_logger = structlog.get_logger()


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
    sessions = async_sessions(engine)
    feed = OutboxFeed(feed_url, async_sessions(outbox))
    stripe = Stripe(settings.stripe_url)
    payments = Payments(sessions, stripe, _box(settings))

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
            await engine.dispose()
            await outbox.dispose()

    app = FastAPI(
        title="AlloResto", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.state.site = Site(settings, sessions=sessions, feed=feed, templates=templates())
    app.state.payments = payments
    app.add_middleware(SecurityHeaders, https=settings.public_url.startswith("https://"))
    app.mount("/static", StaticFiles(directory=FOLDER / "static"), name="static")
    app.include_router(kitchen_router)
    app.include_router(messages_router)
    app.include_router(receipt_router)
    app.include_router(printers_router)
    app.include_router(payments_router)
    app.add_api_route("/healthz", healthz, include_in_schema=False)
    app.add_exception_handler(RequestValidationError, not_found)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RestaurantError, restaurant_error)
    app.add_exception_handler(ProviderAway, provider_away)
    app.add_exception_handler(SecretUnreadable, provider_away)
    app.add_exception_handler(DBAPIError, database_away)
    app.add_exception_handler(PoolTimeoutError, database_away)
    return app


def _box(settings: WebSettings) -> SecretBox:
    """Without keys a fresh one opens nothing: who has an account is told, nobody else needs one."""
    return SecretBox.from_keys(settings.secret_keys or SecretBox.new_key())


def templates() -> Environment:
    """Load the templates. They are strict: a name that one doesn't get is an error, not an empty
    string on a ticket.
    """
    return Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


async def healthz() -> PlainTextResponse:
    """Answer that the process lives; whether Postgres does is not its pod's fault."""
    return PlainTextResponse("ok")


async def not_found(_request: Request, _error: Exception) -> Response:
    """Answer in the same words for a wrong key, a malformed id and a page that never was."""
    return PlainTextResponse("Page introuvable.", 404)


async def restaurant_error(request: Request, error: Exception) -> Response:
    """Answer with a status when a rule of the restaurant refused: this is the one place that knows
    both.
    """
    match error:
        case NotFound():
            return await not_found(request, error)
        case ServiceUnavailable():
            return await database_away(request, error)
        case _:
            return PlainTextResponse("Requête refusée.", 409)


async def http_error(request: Request, error: Exception) -> Response:
    """Answer with the status of Starlette's own errors, without its English."""
    if isinstance(error, HTTPException) and error.status_code != 404:
        return PlainTextResponse("Requête refusée.", error.status_code, error.headers)
    return await not_found(request, error)


async def provider_away(_request: Request, error: Exception) -> Response:
    """Answer that nobody can pay now: Stripe is away, or our keys open no account."""
    _logger.error("payments_away", error=type(error).__name__)
    return PlainTextResponse(
        "Le paiement en ligne est momentanément indisponible.", 503, headers={"Retry-After": "10"}
    )


async def database_away(_request: Request, error: Exception) -> Response:
    """Answer that Postgres is away; the page tries again by itself."""
    _logger.error("database_away", error=type(error).__name__)
    return PlainTextResponse(
        "Service momentanément indisponible.", 503, headers={"Retry-After": "2"}
    )
