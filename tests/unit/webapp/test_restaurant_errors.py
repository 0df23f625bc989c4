"""What a page answers when a restaurant's rule says no: a status, and words that tell nothing."""

import pytest
from starlette.requests import Request

from controlplane.contracts.identifiers import new_id
from controlplane.restaurants.errors import (
    OrderNotCommitted,
    OwnNumber,
    RestaurantError,
    StatusRefused,
    UnknownMessage,
    UnknownOrder,
    UnknownRestaurant,
)
from webapp.errors import restaurant_error

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (UnknownRestaurant(new_id()), 404, "Page introuvable."),
        (UnknownOrder(new_id()), 404, "Page introuvable."),
        (UnknownMessage(new_id()), 404, "Page introuvable."),
        (StatusRefused("completed", "placed"), 409, "Requête refusée."),
        (OwnNumber(), 409, "Requête refusée."),
        (OrderNotCommitted(), 503, "Service momentanément indisponible."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, RestaurantError) else None,
)
async def test_a_refusal_has_its_status(error: RestaurantError, status: int, words: str) -> None:
    answer = await restaurant_error(Request({"type": "http", "headers": []}), error)
    assert (answer.status_code, bytes(answer.body).decode()) == (status, words)
