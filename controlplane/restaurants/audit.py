"""What somebody did at a restaurant is written down in the transaction that does it."""

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.audit_entry import AuditEntry

HIDDEN: Final = "…"
ADMIN: Final = "admin"
"""The actor who types `alloresto` commands."""
_SECRET_OR_PERSONAL: Final = re.compile(
    r"secret|password|token|hash|encrypted|code|phone|number|email|name|note|text|address"
)
"""The log can never be changed, so nothing goes into it that must be forgotten on request."""


async def audit(
    session: AsyncSession,
    restaurant_id: UUID,
    *,
    actor: str,
    action: str,
    object: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    acting_as: UUID | None = None,
) -> None:
    """Add the entry; the caller commits it with the deed."""
    session.add(
        AuditEntry(
            restaurant_id=restaurant_id,
            actor=actor,
            acting_as=acting_as,
            action=action,
            object=object,
            diff=diff(before or {}, after or {}),
        )
    )
    await session.flush()


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """`{column: [before, after]}` of what changed; of secrets and words that they did. Pure."""
    changed = sorted(
        column for column in {*before, *after} if before.get(column) != after.get(column)
    )
    return {column: _shown(column, before.get(column), after.get(column)) for column in changed}


def _shown(column: str, *values: Any) -> list[Any]:
    hidden = _SECRET_OR_PERSONAL.search(column)
    return [None if value is None else HIDDEN if hidden else _plain(value) for value in values]


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str) else str(value)
