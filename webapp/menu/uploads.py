"""A menu's file between its upload and the draft: in Redis for an hour, one a restaurant."""

import base64
import secrets
from typing import Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from controlplane.contracts import redis_keys
from controlplane.errors import ServiceUnavailable
from webapp.forms import Upload

KEPT_FOR_S: Final = 3_600
"""Somebody chooses columns and reads what would change."""
LONGEST_NAME: Final = 120


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    token: str
    name: str
    data: str


async def keep_upload(redis: Redis, restaurant_id: UUID, upload: Upload) -> str:
    """Keep it in the place of the one before, and return the token that its page's address has.

    Raises `ServiceUnavailable`.
    """
    token = secrets.token_urlsafe(12)
    kept = _Kept(token=token, name=upload.name, data=base64.b64encode(upload.data).decode())
    try:
        key = redis_keys.menu_upload(restaurant_id)
        await redis.set(key, kept.model_dump_json(), ex=KEPT_FOR_S)
    except RedisError as error:
        raise ServiceUnavailable("Redis keeps no upload") from error
    return token


async def kept_upload(redis: Redis, restaurant_id: UUID, token: str) -> Upload | None:
    """None when the hour is over, or another file has taken its place.

    Raises `ServiceUnavailable`.
    """
    try:
        body = await redis.get(redis_keys.menu_upload(restaurant_id))
        kept = _Kept.model_validate_json(body) if body else None
    except RedisError as error:
        raise ServiceUnavailable("Redis gives no upload back") from error
    except ValidationError:
        return None
    if kept is None or not secrets.compare_digest(kept.token.encode(), token.encode()):
        return None
    return Upload(kept.name, base64.b64decode(kept.data))


async def forget_upload(redis: Redis, restaurant_id: UUID) -> None:
    """It became a draft; what Redis does not forget now ends by itself."""
    try:
        await redis.delete(redis_keys.menu_upload(restaurant_id))
    except RedisError:
        return


def shown_name(name: str | None) -> str:
    """A file's name without its folders and control characters, as versions keep it."""
    last = (name or "").replace("\\", "/").rpartition("/")[2]
    plain = "".join(char for char in last if char.isprintable()).strip()
    return plain[:LONGEST_NAME] or "fichier"
