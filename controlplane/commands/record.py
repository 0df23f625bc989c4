"""What admin commands print of one thing: aligned fields for people, JSON for programs."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID


def fields(values: Mapping[str, str]) -> str:
    """One `name  value` a line, the values aligned."""
    width = max(map(len, values))
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in values.items())


def text(value: object) -> str:
    """One value for people; instants in UTC, to the second."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return str(value)


def as_json(value: object) -> str:
    """One line; instants in ISO 8601."""
    return json.dumps(value, default=_plain, ensure_ascii=False)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(type(value).__name__)
