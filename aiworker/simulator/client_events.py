"""Strict reading of client events: the SDK's own types, then what they let through.

The SDK's types accept unknown fields and any number; the real service refuses both, so a client
that only ran against the types would fail on its first real call.
"""

import json
from typing import Any, Final, get_args

from openai.types.realtime import RealtimeClientEvent
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from aiworker.simulator.errors import InvalidRequest

_MAX_ID_LENGTH: Final = 512


def _event_types() -> dict[str, TypeAdapter[Any]]:
    union = get_args(RealtimeClientEvent)[0]
    known = {}
    for member in get_args(union):
        (name,) = get_args(member.model_fields["type"].annotation)
        known[name] = TypeAdapter(member)
    return known


_TYPES: Final = _event_types()


def parse(text: str | bytes) -> dict[str, Any]:
    """Return the event as JSON data, checked. Raise InvalidRequest as the service would answer."""
    try:
        event = json.loads(text)
    except (ValueError, UnicodeDecodeError) as error:
        raise InvalidRequest("invalid_json", "We could not parse your event as JSON.") from error
    if not isinstance(event, dict):
        raise InvalidRequest("invalid_json", "An event must be a JSON object.")
    event_id = event.get("event_id")
    try:
        _check(event)
    except InvalidRequest as error:
        error.event_id = event_id if isinstance(event_id, str) else None
        raise
    return event


def _check(event: dict[str, Any]) -> None:
    kind = event.get("type")
    if kind is None:
        raise InvalidRequest.missing("type")
    adapter = _TYPES.get(kind) if isinstance(kind, str) else None
    if adapter is None:
        raise InvalidRequest.not_one_of("type", kind, sorted(_TYPES))
    try:
        model = adapter.validate_python(event, strict=True)
    except ValidationError as error:
        raise _first_error(error, event) from error
    _refuse_unknown(model, "")
    if len(event.get("event_id") or "") > _MAX_ID_LENGTH:
        raise InvalidRequest("string_above_max_length", "Invalid 'event_id': string too long.")


def _refuse_unknown(value: Any, path: str) -> None:
    """Walk every model of the event; a field none of the SDK's types knows is refused."""
    if isinstance(value, BaseModel):
        for name in value.model_extra or {}:
            raise InvalidRequest.unknown(f"{path}{name}")
        for name in value.model_fields_set:
            _refuse_unknown(getattr(value, name), f"{path}{name}.")
    elif isinstance(value, list):
        for number, element in enumerate(value):
            _refuse_unknown(element, f"{path.removesuffix('.')}[{number}].")


def _first_error(error: ValidationError, event: dict[str, Any]) -> InvalidRequest:
    """Turn the one useful pydantic error (unions give several) into the service's words."""
    located = _of_the_member_meant(
        [(_path(found["loc"], event), found) for found in error.errors()], event
    )
    path, found = located[0]
    if found["type"] == "missing":
        return InvalidRequest.missing(path)
    if found["type"] == "literal_error":
        allowed = {value for where, one in located if where == path for value in _allowed(one)}
        return InvalidRequest.not_one_of(path, found["input"], sorted(allowed))
    return InvalidRequest(
        "invalid_type", f"Invalid type for '{path}': {found['msg'].lower()}.", param=path
    )


def _of_the_member_meant(
    located: list[tuple[str, ErrorDetails]], event: dict[str, Any]
) -> list[tuple[str, ErrorDetails]]:
    """Keep the errors of the union member the client meant: the one whose `type` and `role` fit.

    Where none fits, keep the errors about `role`, else about `type`.
    """

    def tells_apart(pair: tuple[str, ErrorDetails]) -> bool:
        location = pair[1]["loc"]
        own = len(location) == len(_member(location, event)) + 1
        return own and pair[1]["type"] == "literal_error" and location[-1] in ("type", "role")

    others = {_member(found["loc"], event) for path, found in filter(tells_apart, located)}
    meant = [pair for pair in located if _member(pair[1]["loc"], event) not in others]
    if meant:
        return meant
    roles = [pair for pair in located if pair[0].endswith(".role")]
    return roles or [pair for pair in located if tells_apart(pair)] or located


def _member(location: tuple[int | str, ...], event: dict[str, Any]) -> tuple[int | str, ...]:
    value: Any = event
    for step, part in enumerate(location):
        if isinstance(part, int) and isinstance(value, list):
            value = value[part]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return location[: step + 1]
    return ()


def _allowed(found: ErrorDetails) -> list[str]:
    expected: str = found.get("ctx", {}).get("expected", "")
    return [part.strip("'") for part in expected.replace(" or ", ", ").split(", ") if part]


def _path(location: tuple[int | str, ...], event: dict[str, Any]) -> str:
    """Drop the names of union members, which pydantic puts between the names of fields."""
    path = ""
    value: Any = event
    for step, part in enumerate(location):
        if isinstance(part, int) and isinstance(value, list):
            path += f"[{part}]"
            value = value[part]
        elif isinstance(value, dict) and (part in value or step == len(location) - 1):
            path += f".{part}"
            value = value.get(part)
    return path.removeprefix(".")
