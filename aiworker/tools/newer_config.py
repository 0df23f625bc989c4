"""What a refused order teaches: the restaurant has changed since the call began."""

from contextlib import suppress

import structlog
from sqlalchemy.exc import SQLAlchemyError

from aiworker.tools.context import ToolContext
from controlplane.restaurants.errors import Refused, UnknownRestaurant

log = structlog.get_logger()


async def take_newer_config(context: ToolContext) -> None:
    """Speak of the restaurant as it is in Postgres from now on.

    A cart whose prices changed must be read back again; a dish that is not to be had any more stays
    in it until the caller has chosen another.
    """
    try:
        context.config = await context.reload()
    except (SQLAlchemyError, OSError, TimeoutError, UnknownRestaurant) as error:
        log.warning("restaurant_not_reloaded", error=type(error).__name__)
        return
    with suppress(Refused):
        context.cart.renew(context.config.menu)
        context.changed()
