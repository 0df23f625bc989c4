"""Stripe's HTTP API, as far as a payment link needs it (docs.stripe.com/api/checkout/sessions).

Two requests of form fields, so no library of Stripe's: `docs/decisions/0016-payment-by-link.md`.
"""

import asyncio
from typing import Any, Final

import httpx2

from controlplane.payments.provider import (
    Checkout,
    OpenSession,
    ProviderAway,
    ProviderRefused,
)

STRIPE_URL: Final = "https://api.stripe.com"
API_VERSION: Final = "2024-06-20"
"""Stripe answers as it did on that day, whatever the account's own version is."""
DEADLINE_S: Final = 4.0
"""A session is opened within a second; whoever tapped the link waits for it."""
ATTEMPTS: Final = 2
PAUSE_S: Final = 0.3
"""Between attempts: a request with the same key may still be under way."""
_AGAIN: Final = frozenset({409, 429})
"""An idempotency key in use, and too many requests (docs.stripe.com/api/errors)."""


class Stripe:
    """Speaks for any restaurant's account: each request carries that account's key."""

    def __init__(self, url: str = STRIPE_URL) -> None:
        self._client = httpx2.AsyncClient(
            base_url=url, timeout=DEADLINE_S, headers={"Stripe-Version": API_VERSION}
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def open_session(self, api_key: str, checkout: Checkout) -> OpenSession:
        """Open the link's session; its id is the idempotency key, which Stripe keeps for a day."""
        answer = await self._post(
            "/v1/checkout/sessions",
            api_key,
            session_fields(checkout),
            idempotency_key=f"payment-link-{checkout.link_id}",
        )
        match answer:
            case {"id": str(session_id), "url": str(url)}:
                return OpenSession(session_id, url)
        raise ProviderRefused("answer_unreadable")

    async def close_session(self, api_key: str, session_id: str) -> None:
        await self._post(f"/v1/checkout/sessions/{session_id}/expire", api_key, {})

    async def _post(
        self, path: str, api_key: str, fields: dict[str, str], *, idempotency_key: str = ""
    ) -> Any:
        headers = {"Authorization": f"Bearer {api_key}"}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = await self._client.post(path, data=fields, headers=headers)
                if answer.status_code < 500 and answer.status_code not in _AGAIN:
                    return _read(answer)
            except httpx2.TransportError as error:
                if attempt == ATTEMPTS:
                    raise ProviderAway("Stripe does not answer") from error
            if attempt < ATTEMPTS:
                await asyncio.sleep(PAUSE_S)
        raise ProviderAway("Stripe cannot answer now")


def session_fields(checkout: Checkout) -> dict[str, str]:
    """The form of `POST /v1/checkout/sessions`. Pure.

    Cards and wallets alone: their payment is certain at once, a bank transfer's days later. The
    metadata of the payment is copied to its charge, whose refunds then name the link.
    """
    link_id = str(checkout.link_id)
    return {
        "mode": "payment",
        "client_reference_id": link_id,
        "payment_method_types[0]": "card",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "eur",
        "line_items[0][price_data][unit_amount]": str(checkout.amount_cents),
        "line_items[0][price_data][product_data][name]": checkout.description,
        "payment_intent_data[metadata][payment_link_id]": link_id,
        "metadata[payment_link_id]": link_id,
        "expires_at": str(int(checkout.expires_at.timestamp())),
        "success_url": checkout.success_url,
        "cancel_url": checkout.cancel_url,
        "locale": "fr",
    }


def _read(answer: httpx2.Response) -> Any:
    try:
        content = answer.json()
    except ValueError:
        raise ProviderRefused("answer_unreadable") from None
    if answer.is_success:
        return content
    match content:
        case {"error": {"code": str(code)}} | {"error": {"type": str(code)}}:
            raise ProviderRefused(code)
    raise ProviderRefused(str(answer.status_code))
