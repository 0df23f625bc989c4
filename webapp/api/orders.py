"""Orders and the menu they are taken from, for a till."""

from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID, uuid5

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models import order
from controlplane.models.api_token import ApiScope
from controlplane.restaurants.api_requests import carried_out, name_subject, take_key
from controlplane.restaurants.order_by_hand import TypedLine
from controlplane.restaurants.order_status import change_order_status
from controlplane.restaurants.take_by_hand import TypedOrder, order_of_form, take_by_hand
from webapp.api import schemas
from webapp.api.access import Client, allow, request_hash
from webapp.api.operations import After, Key, Limit, once, problems
from webapp.api.queries import (
    menu_shown,
    order_shown,
    orders_shown,
    page_of,
    read_restaurant_zone,
)

router = APIRouter()

Reader = Annotated[Client, Depends(allow(ApiScope.ORDERS_READ))]
Writer = Annotated[Client, Depends(allow(ApiScope.ORDERS_WRITE))]
MenuReader = Annotated[Client, Depends(allow(ApiScope.MENU_READ))]


@router.get("/orders", tags=["orders"], responses=problems())
async def list_orders(
    client: Reader,
    status: Annotated[order.OrderStatus | None, Query(description="Only those in it.")] = None,
    day: Annotated[date | None, Query(description="Only those of this service date.")] = None,
    after: After = None,
    limit: Limit = 50,
) -> schemas.Page[schemas.Order]:
    """List orders, the newest first."""
    where = []
    if status is not None:
        where.append(order.Order.status == status)
    if day is not None:
        where.append(order.Order.service_date == day)
    async with client.session() as session:
        rows, more = await page_of(
            session, order.Order, client.restaurant_id, *where, after=after, limit=limit
        )
        return schemas.Page(data=await orders_shown(session, rows), next=more)


@router.post("/orders", status_code=201, tags=["orders"], responses=problems(409))
async def make_order(
    client: Writer,
    asked: schemas.NewOrder,
    key: Key,
    request: Request,
    response: Response,
) -> schemas.Order:
    """Place an order as the restaurant's people do by hand. Prices are the menu's: where the total
    is another one than the customer was shown, nothing is placed and the problem has the new one.
    """
    form = uuid5(client.token.id, key)
    made_id = await _placed_before(client, request, key, form)
    if made_id is None:
        made_id = await _place(client, asked, form)
    else:
        response.headers["Idempotency-Replayed"] = "true"
    await _remember(client, request, key, made_id)
    async with client.session() as session:
        return await order_shown(session, client.restaurant_id, made_id)


@router.get("/orders/{order_id}", tags=["orders"], responses=problems(404))
async def read_order(client: Reader, order_id: UUID) -> schemas.Order:
    """Read one order."""
    async with client.session() as session:
        return await order_shown(session, client.restaurant_id, order_id)


@router.post("/orders/{order_id}/status", tags=["orders"], responses=problems(404, 409))
async def move_order(
    client: Writer,
    order_id: UUID,
    asked: schemas.OrderMove,
    key: Key,
    request: Request,
    response: Response,
) -> schemas.Order:
    """Accept an order, say that it is ready or handed over, or refuse it: the kitchen's screens and
    the customer's SMS follow. An order with an allergy is not accepted before somebody at the
    restaurant has acknowledged it.
    """

    async def deed(session: AsyncSession, _now: datetime) -> UUID:
        moved = await change_order_status(
            session, client.restaurant_id, order_id, to=asked.status, actor=client.actor
        )
        return moved.id

    moved_id = await once(client, request, response, key, deed)
    async with client.session() as session:
        return await order_shown(session, client.restaurant_id, moved_id)


@router.get("/menu", tags=["menu"], responses=problems())
async def read_menu(client: MenuReader) -> schemas.Menu:
    """Read the menu as it is now, with what is sold out."""
    async with client.session() as session:
        return await menu_shown(session, client.restaurant_id, datetime.now(UTC))


async def _placed_before(client: Client, request: Request, key: str, form: UUID) -> UUID | None:
    """The order of this key: it commits by itself, so that it may be there without the key."""
    async with client.session() as session:
        now, asked = datetime.now(UTC), await request_hash(request)
        before = await carried_out(session, client.token, key, asked, now)
        return before or await order_of_form(session, client.restaurant_id, form)


async def _place(client: Client, asked: schemas.NewOrder, form: UUID) -> UUID:
    async with client.session() as session:
        zone, _ = await read_restaurant_zone(session, client.restaurant_id)
    placed = await take_by_hand(
        client.site.sessions,
        client.restaurant_id,
        TypedOrder(
            form=form,
            lines=tuple(
                TypedLine(item_id=line.item_id, option_ids=line.option_ids, quantity=line.quantity)
                for line in asked.lines
            ),
            order_type=asked.order_type,
            told_cents=asked.total_cents,
            wanted_at=asked.wanted_at.astimezone(zone) if asked.wanted_at else None,
            address=asked.address,
            table_name=asked.table_name,
            customer_name=asked.customer_name,
            phone=asked.phone,
            note=asked.note,
            allergy=asked.allergy,
        ),
        actor=client.actor,
    )
    return placed.id


async def _remember(client: Client, request: Request, key: str, order_id: UUID) -> None:
    asked = await request_hash(request)
    async with client.session() as session, session.begin():
        if await take_key(session, client.token, key, asked, datetime.now(UTC)) is None:
            await name_subject(session, client.token, key, order_id)
