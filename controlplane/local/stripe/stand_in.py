"""Stands in for Stripe where nobody is to be charged: it speaks the same HTTP, as far as we do.

It is as strict as Stripe is documented to be: an unknown field, a key used for another request or a
session that would end too soon is refused. Whoever opens a session's page and presses its button
has paid; the event goes to the account's endpoint, signed.
"""

import asyncio
import json
import time
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final
from urllib.parse import parse_qsl

import httpx2
import structlog
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from controlplane.contracts.identifiers import new_id
from controlplane.payments.stripe_event import sign

SHORTEST_S, LONGEST_S = 30 * 60, 24 * 60 * 60
LEAST_CENTS: Final = 50
DELIVERY_S: Final = 5.0
FIELDS: Final = frozenset(
    {
        "mode",
        "client_reference_id",
        "payment_method_types[0]",
        "line_items[0][quantity]",
        "line_items[0][price_data][currency]",
        "line_items[0][price_data][unit_amount]",
        "line_items[0][price_data][product_data][name]",
        "payment_intent_data[metadata][payment_link_id]",
        "metadata[payment_link_id]",
        "expires_at",
        "success_url",
        "cancel_url",
        "locale",
    }
)
NO_IDEMPOTENCY: Final = "idempotency_error"

_logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an account's events go, and what signs them; an empty URL keeps them."""

    url: str
    secret: str


@dataclass
class StandIn:
    """One Stripe, with the accounts it knows by their keys."""

    url: str
    accounts: dict[str, Endpoint]
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    owners: dict[str, Endpoint] = field(default_factory=dict)
    events: list[tuple[bytes, str]] = field(default_factory=list)
    """What was told, the oldest first: the body and its `Stripe-Signature`."""
    requests: int = 0
    _by_key: dict[tuple[str, str], tuple[dict[str, str], dict[str, Any]]] = field(
        default_factory=dict
    )

    def open_session(self, fields: dict[str, str], key: str, idempotency_key: str) -> Response:
        """Answer `POST /v1/checkout/sessions`."""
        self.requests += 1
        known = self._by_key.get((key, idempotency_key))
        if known is not None and idempotency_key:
            same = known[0] == fields
            return JSONResponse(known[1]) if same else _refusal(400, NO_IDEMPOTENCY)
        if fault := _fault(fields):
            return _refusal(400, fault)
        session = self._session(fields)
        self.sessions[session["id"]] = session
        self.owners[session["id"]] = self.accounts[key]
        self._by_key[key, idempotency_key] = (fields, session)
        return JSONResponse(session)

    def _session(self, fields: dict[str, str]) -> dict[str, Any]:
        session_id = f"cs_test_{new_id().hex}"
        return {
            "id": session_id,
            "object": "checkout.session",
            "amount_total": int(fields["line_items[0][price_data][unit_amount]"]),
            "client_reference_id": fields["client_reference_id"],
            "currency": "eur",
            "metadata": {"payment_link_id": fields["metadata[payment_link_id]"]},
            "payment_intent": None,
            "payment_status": "unpaid",
            "status": "open",
            "expires_at": int(fields["expires_at"]),
            "success_url": fields["success_url"],
            "url": f"{self.url}/c/pay/{session_id}",
        }

    def pay(self, session_id: str) -> bool:
        """Whether the session was still to be paid; then it is."""
        session = self.sessions[session_id]
        if session["status"] != "open":
            return False
        session |= {
            "status": "complete",
            "payment_status": "paid",
            "payment_intent": f"pi_{session_id}",
        }
        self._tell("checkout.session.completed", session, self.owners[session_id])
        return True

    def expire(self, session_id: str) -> bool:
        """Whether the session was still to be paid; then it never is."""
        session = self.sessions.get(session_id)
        if session is None or session["status"] != "open":
            return False
        session["status"] = "expired"
        self._tell("checkout.session.expired", session, self.owners[session_id])
        return True

    def refund(self, session_id: str, cents_in_all: int) -> None:
        """Give so much of a paid session back, earlier refunds included."""
        session = self.sessions[session_id]
        charge = {
            "id": f"ch_{session_id}",
            "object": "charge",
            "amount": session["amount_total"],
            "amount_refunded": cents_in_all,
            "currency": "eur",
            "metadata": session["metadata"],
            "payment_intent": session["payment_intent"],
        }
        self._tell("charge.refunded", charge, self.owners[session_id])

    def _tell(self, kind: str, about: dict[str, Any], endpoint: Endpoint) -> None:
        event = {
            "id": f"evt_{new_id().hex}",
            "object": "event",
            "type": kind,
            "created": int(time.time()),
            "livemode": False,
            "data": {"object": dict(about)},
        }
        body, now = json.dumps(event).encode(), int(time.time())
        self.events.append((body, f"t={now},v1={sign(body, now, secret=endpoint.secret)}"))

    async def deliver(self, first: int, endpoint: Endpoint) -> None:
        """Post the events from that one on, once; Stripe would try for days."""
        if not endpoint.url:
            return
        async with httpx2.AsyncClient(timeout=DELIVERY_S) as client:
            for body, signature in self.events[first:]:
                try:
                    answer = await client.post(
                        endpoint.url, content=body, headers={"Stripe-Signature": signature}
                    )
                    _logger.info("event_delivered", status=answer.status_code)
                except httpx2.TransportError as error:
                    _logger.error("event_not_delivered", error=type(error).__name__)


def create_app(stripe: StandIn) -> FastAPI:
    """Make the server of it."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    deliveries: set[asyncio.Task[None]] = set()

    def deliver(first: int, session_id: str) -> None:
        task = asyncio.create_task(stripe.deliver(first, stripe.owners[session_id]))
        deliveries.add(task)
        task.add_done_callback(deliveries.discard)

    @app.post("/v1/checkout/sessions")
    async def open_session(request: Request) -> Response:
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if key not in stripe.accounts:
            return _refusal(401, "api_key_invalid")
        fields = dict(parse_qsl((await request.body()).decode()))
        return stripe.open_session(fields, key, request.headers.get("idempotency-key", ""))

    @app.post("/v1/checkout/sessions/{session_id}/expire")
    async def expire(session_id: str) -> Response:
        first = len(stripe.events)
        if not stripe.expire(session_id):
            return _refusal(400, "resource_missing")
        deliver(first, session_id)
        return JSONResponse(stripe.sessions[session_id])

    @app.get("/c/pay/{session_id}")
    async def page(session_id: str) -> Response:
        session = stripe.sessions[session_id]
        return HTMLResponse(
            "<!doctype html><meta charset=utf-8><title>Stripe (simulateur)</title>"
            f"<p>{session['amount_total'] / 100:.2f} EUR, {escape(session['status'])}"
            "<form method=post><button>Payer</button></form>"
        )

    @app.post("/c/pay/{session_id}")
    async def pay(session_id: str) -> Response:
        first = len(stripe.events)
        if stripe.pay(session_id):
            deliver(first, session_id)
        return RedirectResponse(stripe.sessions[session_id]["success_url"], 303)

    return app


def _fault(fields: dict[str, str]) -> str | None:
    """What Stripe would refuse of them, in its words."""
    if fields.keys() - FIELDS:
        return "parameter_unknown"
    if FIELDS - fields.keys():
        return "parameter_missing"
    if not SHORTEST_S <= int(fields["expires_at"]) - time.time() <= LONGEST_S:
        return "parameter_invalid_integer"
    if int(fields["line_items[0][price_data][unit_amount]"]) < LEAST_CENTS:
        return "amount_too_small"
    return None


def _refusal(status: int, code: str) -> Response:
    kind = code if code == NO_IDEMPOTENCY else "invalid_request_error"
    return JSONResponse({"error": {"type": kind, "code": code}}, status)
