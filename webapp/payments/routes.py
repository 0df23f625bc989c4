"""A customer pays by their order's link, and Stripe tells of it.

Whoever has the key of an order's receipt may pay for it. An event is believed by its signature with
the secret of the restaurant in whose name it comes, and read within that restaurant's walls.
"""

from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Header, HTTPException, Path, Request, status
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from controlplane.contracts.receipt_link import (
    KEY_LENGTH,
    PAY_PATH,
    ReceiptKey,
    ReceiptOf,
    read_receipt,
)
from controlplane.payments.checkout import PaymentPage, Payments
from controlplane.payments.stripe_event import EventRefused, check_signature, parse_event
from controlplane.restaurants.payment_errors import UnknownPaymentLink
from controlplane.restaurants.payment_events import apply_event
from controlplane.restaurants.payment_standing import Paid
from controlplane.tenancy import restaurant_session
from webapp.payments.words import REFUSED, sentence
from webapp.site import Site, SiteHere

MOST_BYTES: Final = 256 * 1024
"""Stripe's events are some kilobytes."""
SIGNATURE_LENGTH: Final = 1_000

_logger = structlog.get_logger()

router = APIRouter(include_in_schema=False)

KeyText = Annotated[str, Path(min_length=KEY_LENGTH, max_length=KEY_LENGTH)]


def the_order(key: KeyText, site: SiteHere) -> ReceiptKey:
    """Return whose order the key opens; the answer of no page to any other."""
    secret = site.settings.link_secret.get_secret_value()
    found = read_receipt(key, now=datetime.now(UTC), secret=secret)
    if found is None or found.of is not ReceiptOf.ORDER:
        raise HTTPException(status.HTTP_404_NOT_FOUND)
    return found


def the_payments(request: Request) -> Payments:
    payments: Payments = request.app.state.payments
    return payments


OrderHere = Annotated[ReceiptKey, Depends(the_order)]
PaymentsHere = Annotated[Payments, Depends(the_payments)]


@router.get(f"{PAY_PATH}{{key}}")
async def pay(site: SiteHere, payments: PaymentsHere, order: OrderHere, key: KeyText) -> Response:
    """Lead the customer to where they pay, or say how their order stands."""
    back_url = f"{site.settings.public_url.rstrip('/')}{PAY_PATH}{key}/suite"
    page = await payments.open(order.restaurant_id, order.about_id, back_url=back_url)
    if page.url is not None:
        return RedirectResponse(page.url, status.HTTP_303_SEE_OTHER)
    return _shown(site, page, refused=page.standing.paid is Paid.AWAITED)


@router.get(f"{PAY_PATH}{{key}}/suite")
async def after_paying(site: SiteHere, payments: PaymentsHere, order: OrderHere) -> HTMLResponse:
    """Say how the order stands, to a customer who comes back from paying or from not paying."""
    return _shown(site, await payments.page(order.restaurant_id, order.about_id))


@router.post("/place/{restaurant_id}/payments/stripe")
async def stripe_event(
    restaurant_id: UUID,
    request: Request,
    site: SiteHere,
    payments: PaymentsHere,
    stripe_signature: Annotated[str, Header(max_length=SIGNATURE_LENGTH)] = "",
) -> Response:
    """Write what the event tells of. What it tells of others is passed over: Stripe would send it
    again for days, and a firm's restaurants may share one account.
    """
    secret = await payments.webhook_secret(restaurant_id)
    if secret is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND)
    payload = await _body(request)
    try:
        check_signature(payload, stripe_signature, secret=secret, now=datetime.now(UTC))
        event = parse_event(payload)
    except EventRefused as refusal:
        _logger.warning(
            "payment_event_refused", restaurant_id=str(restaurant_id), reason=str(refusal)
        )
        raise HTTPException(status.HTTP_400_BAD_REQUEST) from None
    if event is not None:
        try:
            async with restaurant_session(site.sessions, restaurant_id) as session, session.begin():
                await apply_event(session, restaurant_id, event)
        except UnknownPaymentLink:
            _logger.warning("payment_event_of_no_link", restaurant_id=str(restaurant_id))
    return PlainTextResponse("ok")


async def _body(request: Request) -> bytes:
    """Read it, up to `MOST_BYTES`; whoever sends more is no payment provider."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise HTTPException(status.HTTP_413_CONTENT_TOO_LARGE)
    return bytes(body)


def _shown(site: Site, page: PaymentPage, *, refused: bool = False) -> HTMLResponse:
    template = site.templates.get_template("payments/page.html")
    words = REFUSED if refused else sentence(page.standing)
    return HTMLResponse(template.render(page=page, sentence=words))
