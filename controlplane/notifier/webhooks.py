"""The notifier tells restaurants' own programs what happened, at the addresses they gave.

A name is resolved here, held against `webhook_address`, and the connection made to that very
address: what a name leads to a moment later changes nothing. No redirect is followed.
"""

import asyncio
import json
import random
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import httpx2
import structlog
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.models.webhook import WebhookDelivery
from controlplane.notifier import metrics
from controlplane.notifier.webhook_signature import signed_headers
from controlplane.restaurants.api_errors import EndpointRefused
from controlplane.restaurants.notification_queue import BATCH
from controlplane.restaurants.webhook_address import check_address, public_only
from controlplane.restaurants.webhook_queue import Due, claim, record_delivered, record_failed
from controlplane.secret_box import SecretBox, SecretUnreadable

DEADLINE_S: Final = 10.0
"""A till answers at once and works afterwards; a sender has twenty at a time."""
RESOLVE_S: Final = 5.0

Resolve = Callable[[str, int], Awaitable[list[str]]]

_logger = structlog.get_logger()


class Undelivered(Exception):
    """Carries what the attempt met, as the restaurant reads it on its page."""

    def __init__(self, answer: str) -> None:
        super().__init__(answer)
        self.answer = answer


async def resolve(host: str, port: int) -> list[str]:
    """Every address of a name. Raises `OSError`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class WebhookSender:
    """Sends for all restaurants. Any number may run at once."""

    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        *,
        secrets: SecretBox,
        local: bool,
        resolve: Resolve = resolve,
    ) -> None:
        """`local` is a developer's stack, whose programs listen on this machine."""
        self._sessions = sessions
        self._secrets = secrets
        self._local = local
        self._resolve = resolve
        self._client = httpx2.AsyncClient(timeout=DEADLINE_S, follow_redirects=False)

    async def close(self) -> None:
        await self._client.aclose()

    async def turn(self) -> bool:
        """Send a batch; whether there may be more to send at once. Raises SQLAlchemy's errors."""
        async with self._sessions.begin() as session:
            taken = await claim(session, datetime.now(UTC))
        async with asyncio.TaskGroup() as group:
            for due in taken:
                group.create_task(self._send(due))
        return len(taken) == BATCH

    async def _send(self, due: Due) -> None:
        """Send one, whatever becomes of it: none of the batch ends with another."""
        delivery, url, sealed = due
        try:
            try:
                answer = await self._deliver(delivery, url, sealed)
            except Undelivered as failure:
                await self._record_failure(delivery, failure.answer)
                return
            async with self._sessions.begin() as session:
                await record_delivered(session, delivery, answer, datetime.now(UTC))
            metrics.WEBHOOKS.labels("delivered").inc()
        except Exception:  # the edge of one delivery: it is tried again when its lease is over
            metrics.WEBHOOKS.labels("internal").inc()
            _logger.exception("webhook_not_recorded", delivery_id=str(delivery.id))

    async def _deliver(self, delivery: WebhookDelivery, url: str, sealed: str) -> str:
        """The status of an answer that took it. Raises `Undelivered`."""
        try:
            secret = self._secrets.open(sealed, owner=delivery.restaurant_id)
        except SecretUnreadable:
            raise Undelivered("secret_unreadable") from None
        body = body_of(delivery)
        message_id = f"evt_{delivery.event_id}"
        now = int(datetime.now(UTC).timestamp())
        headers = {
            "content-type": "application/json",
            "user-agent": "AlloResto-Webhooks/1",
            **signed_headers(secret, message_id, now, body),
        }
        try:
            async with asyncio.timeout(DEADLINE_S):
                status = await self._post(url, body, headers)
        except TimeoutError:
            raise Undelivered("slow") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise Undelivered("unreachable") from error
        if not 200 <= status < 300:
            raise Undelivered(str(status))
        return str(status)

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """Connect to an address that was looked at, under the name it was given."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            check_address(url, local=self._local)
        except EndpointRefused:
            raise Undelivered("forbidden") from None
        async with asyncio.timeout(RESOLVE_S):
            addresses = public_only(await self._resolve(host, port), local=self._local)
        if not addresses:
            raise Undelivered("forbidden")
        pinned = f"[{addresses[0]}]" if ":" in addresses[0] else addresses[0]
        query = f"?{parts.query}" if parts.query else ""
        target = f"{parts.scheme}://{pinned}:{port}{parts.path or '/'}{query}"
        async with self._client.stream(
            "POST",
            target,
            content=body,
            headers={**headers, "host": parts.netloc},
            extensions={"sni_hostname": host},
        ) as answer:
            return answer.status_code  # nobody reads what follows, however long

    async def _record_failure(self, delivery: WebhookDelivery, answer: str) -> None:
        async with self._sessions.begin() as session:
            ended = await record_failed(
                session, delivery, answer, datetime.now(UTC), jitter=random.random()
            )
        metrics.WEBHOOKS.labels("failed" if ended else "retried").inc()
        _logger.warning(
            "webhook_failed" if ended else "webhook_retried",
            delivery_id=str(delivery.id),
            restaurant_id=str(delivery.restaurant_id),
            attempt=delivery.attempts,
            answer=answer,
        )


def body_of(delivery: WebhookDelivery) -> bytes:
    """What is sent: the same bytes at each attempt."""
    told = {
        "type": delivery.topic,
        "timestamp": delivery.created_at.astimezone(UTC).isoformat(),
        "data": {"restaurant_id": str(delivery.restaurant_id), **delivery.payload},
    }
    return json.dumps(told, separators=(",", ":")).encode()
