"""What the JSON API answers when it does not do what was asked: `application/problem+json`
(RFC 9457), whose `type` names the rule and never changes.
"""

from collections.abc import Mapping
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from controlplane.errors import ServiceUnavailable
from controlplane.restaurants.api_errors import KeyOfAnotherRequest
from controlplane.restaurants.errors import (
    KeyOfAnotherCart,
    NotANumber,
    NotFound,
    NotTakingOrders,
    RestaurantError,
    StatusRefused,
    TotalChanged,
)
from controlplane.restaurants.reservation_errors import (
    KeyOfAnotherReservation,
    NotDueYet,
    NotGranted,
    ReservationStatusRefused,
    TooLateToChange,
)

MEDIA_TYPE: Final = "application/problem+json"
TYPES: Final = "https://alloresto.example/problems/"
"""What a type's name is prefixed with; nothing is to be found there (RFC 9457 §3.1.1)."""

_logger = structlog.get_logger()


class FieldProblem(BaseModel):
    """One field that was refused."""

    model_config = ConfigDict(extra="forbid")

    where: str = Field(description="Path to the field, such as `body.party`.")
    what: str = Field(description="What is wrong with it.")


class ProblemBody(BaseModel):
    """A problem as RFC 9457 spells it."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(description="Names the rule; it never changes.")
    title: str
    status: int
    detail: str | None = None
    fields: list[FieldProblem] | None = Field(
        default=None, description="What was refused, when the request itself is malformed."
    )
    rule: str | None = Field(default=None, description="The reservation rule that decided.")
    alternatives: list[str] | None = Field(
        default=None, description="Instants at which there would be a table, the nearest first."
    )
    total_cents: int | None = Field(default=None, description="What the order comes to now.")
    retry_after: int | None = Field(default=None, description="Seconds to wait.")


class Problem(Exception):
    """Raised with what is to be answered."""

    def __init__(
        self,
        status: int,
        kind: str,
        title: str,
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(title)
        self.status = status
        self.headers = dict(headers or {})
        self.body = ProblemBody(type=f"{TYPES}{kind}", title=title, status=status, **more)


def of_rule(error: RestaurantError) -> Problem:
    """Give a restaurant's rule its status and its type."""
    match error:
        case NotFound():
            return Problem(404, "not-found", "The restaurant has no such thing.")
        case NotGranted():
            return Problem(
                409,
                "no-table",
                "There is no table at that time.",
                rule=str(error.refusal.rule),
                alternatives=[at.isoformat() for at in error.alternatives],
            )
        case TotalChanged():
            return Problem(
                409, "total", "The order comes to another total now.", total_cents=error.cents
            )
        case KeyOfAnotherRequest() | KeyOfAnotherReservation() | KeyOfAnotherCart():
            return Problem(
                422, "idempotency-key", "This Idempotency-Key was sent with another request."
            )
        case ReservationStatusRefused() | StatusRefused():
            return Problem(409, "status", "It cannot go there from where it is.", detail=str(error))
        case NotDueYet():
            return Problem(409, "not-due", "The guests are not due yet.")
        case TooLateToChange():
            return Problem(409, "too-late", "Guests may no longer change this reservation.")
        case NotTakingOrders():
            return Problem(409, "not-taking", "The restaurant takes nothing now.")
        case NotANumber():
            return Problem(422, "phone", "This is no telephone number.")
    return Problem(409, "refused", "A rule of the restaurant refuses it.", detail=str(error))


def answer(problem: Problem) -> JSONResponse:
    return JSONResponse(
        problem.body.model_dump(exclude_none=True),
        problem.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


def add_handlers(app: FastAPI) -> None:
    """Have every error of the API answered as a problem; what nobody foresaw is logged too."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RestaurantError, _rule)
    app.add_exception_handler(DBAPIError, _away)
    app.add_exception_handler(PoolTimeoutError, _away)


async def _problem(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    return answer(error)


async def _rule(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, ServiceUnavailable):
        return await _away(request, error)
    assert isinstance(error, RestaurantError)
    return answer(of_rule(error))


async def _malformed(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    fields = [
        FieldProblem(where=".".join(str(step) for step in each["loc"]), what=each["msg"])
        for each in error.errors()
    ]
    return answer(Problem(422, "malformed", "The request cannot be read.", fields=fields))


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    kinds = {404: "not-found", 405: "method"}
    kind = kinds.get(error.status_code, "refused")
    return answer(Problem(error.status_code, kind, error.detail, headers=error.headers))


async def _away(_request: Request, error: Exception) -> JSONResponse:
    _logger.error("database_away", error=type(error).__name__)
    return answer(
        Problem(
            503,
            "away",
            "The service is away for a moment.",
            headers={"Retry-After": "2"},
            retry_after=2,
        )
    )
