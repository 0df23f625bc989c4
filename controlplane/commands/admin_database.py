"""The database as admin commands reach it: DATABASE_URL, one short connection, clear failures.

Commands are synchronous, a restaurant's rules (`controlplane/restaurants/`) are asyncio: a command
gives a rule to `ask_restaurant`, or a coroutine function of its own to `in_transaction`, and prints
what comes back.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.commands.environment import database_url
from controlplane.database import async_engine, async_sessions, sync_engine
from controlplane.database_roles import DatabaseRole
from controlplane.errors import ServiceUnavailable
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.find_person import see_only
from controlplane.restaurants.find_restaurant import find_restaurant

APPLICATION_NAME = "admin"

T = TypeVar("T")


@contextmanager
def admin_engine() -> Iterator[Engine]:
    """An engine on DATABASE_URL. Raises `ConfigurationError`, `ServiceUnavailable`."""
    engine = sync_engine(
        database_url(), application_name=APPLICATION_NAME, role=DatabaseRole.ADMIN, pool_size=1
    )
    try:
        with _clear_failures():
            yield engine
    finally:
        engine.dispose()


@contextmanager
def admin_connection() -> Iterator[Connection]:
    """One transaction on it, committed when nothing was raised."""
    with admin_engine() as engine, engine.begin() as connection:
        yield connection


def in_transaction(work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """What `work` returns, once its transaction is committed; nothing is when it raises.

    Raises `ConfigurationError`, `ServiceUnavailable`, and what the rules raise.
    """

    async def committed(sessions: async_sessionmaker[AsyncSession]) -> T:
        async with sessions.begin() as session:
            return await work(session)

    return with_sessions(committed)


def with_sessions(work: Callable[[async_sessionmaker[AsyncSession]], Awaitable[T]]) -> T:
    """What `work` returns, which commits by itself, and more than once.

    Raises what `in_transaction` raises.
    """
    with _clear_failures():
        return asyncio.run(_connected(database_url(), work))


def ask_restaurant(
    name: str, rule: Callable[[AsyncSession, Restaurant], Awaitable[T]]
) -> tuple[Restaurant, T]:
    """The restaurant of that name, and what the rule answered for it, once that is committed. Of
    tables that admins see a restaurant at a time, the rule sees this one's rows.

    Raises `UnknownRestaurant` and what `in_transaction` raises.
    """

    async def ask(session: AsyncSession) -> tuple[Restaurant, T]:
        restaurant = await find_restaurant(session, name)
        await see_only(session, restaurant.id)
        return restaurant, await rule(session, restaurant)

    return in_transaction(ask)


async def _connected(
    url: str, work: Callable[[async_sessionmaker[AsyncSession]], Awaitable[T]]
) -> T:
    engine = async_engine(
        url, application_name=APPLICATION_NAME, role=DatabaseRole.ADMIN, pool_size=1
    )
    try:
        return await work(async_sessions(engine))
    finally:
        await engine.dispose()


@contextmanager
def _clear_failures() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise ServiceUnavailable("Postgres does not answer at DATABASE_URL") from error
    except ProgrammingError as error:
        raise ServiceUnavailable(
            "the database lacks a table or column: run `alloresto db upgrade`"
        ) from error
