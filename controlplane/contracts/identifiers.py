"""UUIDv7 (RFC 9562 §5.7): ids that sort by the time they were made."""

from uuid import UUID

import uuid_utils.compat


def new_id() -> UUID:
    """Return a new UUIDv7."""
    return uuid_utils.compat.uuid7()


def first_id(unix_s: float) -> UUID:
    """Return what sorts before every UUIDv7 made at that time or later (48 bits of ms)."""
    return UUID(int=int(unix_s * 1_000) << 80)
