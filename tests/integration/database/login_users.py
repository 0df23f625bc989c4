"""Login users as ops make them for a process (`docs/database-roles.md`), gone after the test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.contracts.identifiers import new_id
from controlplane.database import libpq_url
from controlplane.database_roles import DatabaseRole


@dataclass(frozen=True)
class LoginUser:
    """A member of one role, and of nothing else."""

    name: str
    password: str

    def url(self, database_url: str, *, port: int | None = None) -> str:
        """`database_url`, as this user; through a proxy on loopback where `port` names one."""
        url = make_url(libpq_url(database_url)).set(username=self.name, password=self.password)
        return (url.set(port=port) if port else url).render_as_string(hide_password=False)


@asynccontextmanager
async def login_user(database: AsyncEngine, role: DatabaseRole) -> AsyncIterator[LoginUser]:
    """Make one on the database's server; `database` is an engine as the tables' owner."""
    user = LoginUser(name=f"login_{new_id().hex}", password=new_id().hex)
    async with database.begin() as connection:
        await connection.execute(text(f"CREATE ROLE {user.name} LOGIN PASSWORD '{user.password}'"))
        await connection.execute(text(f"GRANT {role} TO {user.name}"))
    yield user
    async with database.begin() as connection:
        await connection.execute(text(f"DROP ROLE {user.name}"))
