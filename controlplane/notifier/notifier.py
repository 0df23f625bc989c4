"""The notifier's process sends what customers, restaurants' people and their own programs are to be
told, and lets the orders expire that nobody took.

Any number may run: each takes rows that no other is taking.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final

import structlog
from prometheus_client import start_http_server
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.database import async_engine, async_sessions
from controlplane.database_roles import DatabaseRole
from controlplane.log import configure_logging
from controlplane.models.notification import Channel
from controlplane.notifier import metrics
from controlplane.notifier.catcher import Catcher
from controlplane.notifier.overdue_orders import EVERY_S as EXPIRE_EVERY_S
from controlplane.notifier.overdue_orders import OverdueOrders
from controlplane.notifier.ovh_sms import OvhSms
from controlplane.notifier.providers import Provider
from controlplane.notifier.sender import Sender
from controlplane.notifier.settings import EmailBy, NotifierSettings, SmsBy
from controlplane.notifier.smtp import Smtp
from controlplane.notifier.webhooks import WebhookSender
from controlplane.notifier.wording import Links
from controlplane.secret_box import SecretBox

POLL_S: Final = 1.0
"""A customer who has hung up has their SMS a second later; an idle turn is one index look-up."""
RETRY_MOST_S: Final = 5.0
"""Turns are no further apart while Postgres is away."""
CONNECTIONS: Final = 5

_logger = structlog.get_logger()


def run() -> None:
    """Run until SIGTERM or SIGINT."""
    settings = NotifierSettings.from_environment()
    settings.check()
    configure_logging(process="notifier", level=settings.log_level, human=settings.log_human)
    if settings.metrics_port:
        start_http_server(settings.metrics_port, addr=settings.metrics_host)
    asyncio.run(serve(settings))


async def serve(settings: NotifierSettings) -> None:
    """Take turns until told to stop; the turn under way is finished first."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    secrets = SecretBox.from_keys(settings.secret_keys)
    engine = async_engine(
        settings.database_url,
        application_name="notifier",
        role=DatabaseRole.NOTIFIER,
        pool_size=CONNECTIONS,
    )
    providers = providers_of(settings)
    links = Links(public_url=settings.public_url, secret=settings.link_secret.get_secret_value())
    sessions = async_sessions(engine)
    overdue = OverdueOrders(sessions)
    webhooks = WebhookSender(sessions, secrets=secrets, local=settings.on_this_machine)
    _logger.info("notifier_started", sms=settings.sms, email=settings.email)
    try:
        async with asyncio.TaskGroup() as loops:
            for sender in senders_of(sessions, providers, links=links, secrets=secrets):
                loops.create_task(take_turns(sender.turn_and_measure, stop, every_s=POLL_S))
            loops.create_task(take_turns(webhooks.turn, stop, every_s=POLL_S))
            loops.create_task(take_turns(overdue.turn, stop, every_s=EXPIRE_EVERY_S))
    finally:
        await webhooks.close()
        for provider in providers.values():
            await provider.close()
        await engine.dispose()
    _logger.info("notifier_stopped")


async def take_turns(
    turn: Callable[[], Awaitable[bool]], stop: asyncio.Event, *, every_s: float
) -> None:
    """Take turns until `stop` is set, at once while there is more to do. A turn that fails is
    counted, and the next is further off.
    """
    pause_s = every_s
    while not stop.is_set():
        try:
            pause_s = 0.0 if await turn() else every_s
        except (SQLAlchemyError, OSError) as error:  # Postgres is away
            metrics.LOOP_FAILURES.inc()
            _logger.error("notifier_turn_failed", error=type(error).__name__)
            pause_s = min(max(pause_s, POLL_S) * 2, max(every_s, RETRY_MOST_S))
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await stop.wait()


def senders_of(
    sessions: async_sessionmaker[AsyncSession],
    providers: Mapping[Channel, Provider],
    *,
    links: Links,
    secrets: SecretBox,
) -> list[Sender]:
    """A sender for each channel: no SMS waits for a mail server that hangs."""
    return [
        Sender(sessions, {channel: provider}, links=links, secrets=secrets)
        for channel, provider in providers.items()
    ]


def providers_of(settings: NotifierSettings) -> Mapping[Channel, Provider]:
    """Who carries what, by settings that `check` has passed."""
    return {Channel.SMS: _sms(settings), Channel.EMAIL: _email(settings)}


def _sms(settings: NotifierSettings) -> Provider:
    if settings.sms is SmsBy.CATCHER and settings.catch_folder:
        return Catcher(settings.catch_folder, Channel.SMS)
    return OvhSms(
        endpoint=settings.ovh_endpoint,
        application_key=settings.ovh_application_key,
        application_secret=settings.ovh_application_secret.get_secret_value(),
        consumer_key=settings.ovh_consumer_key.get_secret_value(),
        service_name=settings.ovh_service_name,
        sender=settings.ovh_sender,
    )


def _email(settings: NotifierSettings) -> Provider:
    if settings.email is EmailBy.CATCHER and settings.catch_folder:
        return Catcher(settings.catch_folder, Channel.EMAIL)
    return Smtp(
        host=settings.smtp_host,
        port=settings.smtp_port,
        tls=settings.smtp_tls,
        user=settings.smtp_user,
        password=settings.smtp_password.get_secret_value(),
        sender=settings.smtp_sender,
    )
