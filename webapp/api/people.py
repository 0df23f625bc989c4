"""Customers and calls, to be read."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.models import call, customer
from controlplane.models.api_token import ApiScope
from webapp.api import queries, schemas
from webapp.api.access import Client, allow
from webapp.api.operations import After, Limit, problems
from webapp.api.problems import Problem

router = APIRouter()

CustomersReader = Annotated[Client, Depends(allow(ApiScope.CUSTOMERS_READ))]
CallsReader = Annotated[Client, Depends(allow(ApiScope.CALLS_READ))]


@router.get("/customers", tags=["customers"], responses=problems())
async def list_customers(
    client: CustomersReader, after: After = None, limit: Limit = 50
) -> schemas.Page[schemas.Customer]:
    """List who ordered by telephone, the last who was new first."""
    async with client.session() as session:
        rows, more = await queries.page_of(
            session, customer.Customer, client.restaurant_id, after=after, limit=limit
        )
        return schemas.Page(data=[queries.customer(row) for row in rows], next=more)


@router.get("/customers/{customer_id}", tags=["customers"], responses=problems(404))
async def read_customer(client: CustomersReader, customer_id: UUID) -> schemas.Customer:
    """Read one customer."""
    async with client.session() as session:
        return await queries.customer_shown(session, client.restaurant_id, customer_id)


@router.get("/calls", tags=["calls"], responses=problems())
async def list_calls(
    client: CallsReader,
    outcome: Annotated[CallOutcome | None, Query(description="Only those that ended so.")] = None,
    after: After = None,
    limit: Limit = 50,
) -> schemas.Page[schemas.Call]:
    """List calls, the newest first."""
    where = [] if outcome is None else [call.Call.outcome == outcome]
    async with client.session() as session:
        rows, more = await queries.page_of(
            session, call.Call, client.restaurant_id, *where, after=after, limit=limit
        )
        return schemas.Page(data=[schemas.Call.model_validate(row) for row in rows], next=more)


@router.get("/calls/{call_id}", tags=["calls"], responses=problems(404))
async def read_call(client: CallsReader, call_id: UUID) -> schemas.Call:
    """Read one call."""
    async with client.session() as session:
        found = await queries.find_call(session, client.restaurant_id, call_id)
    if found is None:
        raise Problem(404, "not-found", "The restaurant has no such thing.")
    return schemas.Call.model_validate(found)
