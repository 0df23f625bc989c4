"""Links whose time is over are closed while the site runs, and beside them their sessions at the
provider, which may be slow to answer; several sites may do it at once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

EVERY_S: Final = 5.0
"""A kitchen's page says so late that an order was not paid in time; readers know it at once."""

_logger = structlog.get_logger()


async def close_links(close_due: Callable[[], Awaitable[int]], *, every_s: float = EVERY_S) -> None:
    """Run until it is cancelled; Postgres may be away meanwhile."""
    while True:
        try:
            await close_due()
        except (SQLAlchemyError, OSError) as error:
            _logger.error("payment_links_not_closed", error=type(error).__name__)
        except Exception:  # the edge of one turn: the next has its chance
            _logger.exception("payment_links_not_closed")
        await asyncio.sleep(every_s)
