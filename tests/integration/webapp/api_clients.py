"""Programs of a restaurant that ask the JSON API: a token each, and requests that hypothesis makes
of the OpenAPI document.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import httpx2
from hypothesis import strategies as st

from controlplane.contracts.identifiers import new_id
from controlplane.models.api_token import ApiScope
from controlplane.restaurants.api_tokens import make_token
from tests.integration.webapp.site_under_test import ORIGIN, SiteUnderTest

API = "/api/v1"


async def a_token(site: SiteUnderTest, *scopes: ApiScope, restaurant_id: UUID | None = None) -> str:
    """A new token of the restaurant, with every scope when none is named."""
    restaurant = restaurant_id or site.restaurant
    async with site.session(restaurant) as session, session.begin():
        return await make_token(
            session, restaurant, "Caisse", scopes or tuple(ApiScope), actor="test"
        )


def program(site: SiteUnderTest, token: str) -> httpx2.AsyncClient:
    """A client without cookies, as a till is."""
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(site.app),
        base_url=f"{ORIGIN}{API}",
        headers={"authorization": f"Bearer {token}"},
    )


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(new_id())}


def requests(document: Mapping[str, Any], operation: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values for an operation's parameters and body: mostly as its schema says, else anything."""
    parts = {
        "path": _parameters(document, operation, "path"),
        "query": _parameters(document, operation, "query"),
        "headers": _parameters(document, operation, "header"),
    }
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        parts["body"] = st.one_of(_value(document, schema), _value(document, schema), ANYTHING)
    return st.fixed_dictionaries(parts)


KNOWN: list[str] = []
"""Ids of things that are there: a request that names one gets further."""
NASTY: Final = ("a\x00b", "é\u0301 \u202e", "'; DROP TABLE", "0639980134", "\\u0000")
_NOON: Final = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
_TEXT = st.text(max_size=40)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)


def _parameters(
    document: Mapping[str, Any], operation: Mapping[str, Any], where: str
) -> st.SearchStrategy[dict[str, Any]]:
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for each in operation.get("parameters", ()):
        if each["in"] == where:
            given = required if each.get("required") else optional
            given[each["name"]] = _value(document, each["schema"])
    return st.fixed_dictionaries(required, optional=optional)


def _value(document: Mapping[str, Any], schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """What the schema allows, or nearly."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return st.deferred(lambda: _value(document, document["components"]["schemas"][name]))
    if "anyOf" in schema:
        return st.one_of([_value(document, each) for each in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "object":
            required = set(schema.get("required", ()))
            fields = {
                name: _value(document, each) for name, each in schema.get("properties", {}).items()
            }
            return st.fixed_dictionaries(
                {name: each for name, each in fields.items() if name in required},
                optional={name: each for name, each in fields.items() if name not in required},
            )
        case "array":
            return st.lists(_value(document, schema.get("items", {})), max_size=4)
        case "integer":
            return st.integers(schema.get("minimum", -(2**70)), schema.get("maximum", 2**70))
        case "number":
            return st.floats(schema.get("minimum"), schema.get("maximum"), allow_nan=False)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "string":
            return _string(schema)
    return ANYTHING


def _string(schema: Mapping[str, Any]) -> st.SearchStrategy[str]:
    match schema.get("format"):
        case "uuid":
            return st.sampled_from(KNOWN) | st.uuids().map(str) if KNOWN else st.uuids().map(str)
        case "date":
            return st.dates().map(str)
        case "date-time":
            soon = st.integers(1, 40 * 24).map(lambda ahead: _NOON + timedelta(hours=ahead))
            return st.one_of(soon, soon, st.datetimes(timezones=st.timezones())).map(
                lambda at: at.isoformat()
            )
    if "pattern" in schema:
        return st.from_regex(schema["pattern"], fullmatch=True)
    longest = min(schema.get("maxLength", 40), 40)
    usual = st.text(min_size=schema.get("minLength", 0), max_size=longest)
    return st.one_of(st.sampled_from(NASTY), usual)
