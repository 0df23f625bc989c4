"""Makes the roles of our processes (`DatabaseRole`) where a database's server lacks them.

Roles belong to the server, not to one database: others may use them, so none is ever dropped.
"""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, text

from controlplane.database_roles import DatabaseRole
from controlplane.errors import ConfigurationError

_MISSING: Final = text(
    "SELECT name FROM unnest(CAST(:roles AS text[])) AS name"
    " WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) ORDER BY name"
)
_MAY_CREATE: Final = text(
    "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
)
# Two databases of one server may be migrated at the same time: the second finds the first's role.
_CREATE: Final = """
DO $$
BEGIN
    CREATE ROLE {role} NOLOGIN;
    GRANT {role} TO CURRENT_USER;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$
"""


def provide_roles(connection: Connection, roles: Iterable[DatabaseRole]) -> None:
    """Create those that are missing, and let who migrates act under them, as `make up` does.

    Raises `ConfigurationError` with the statements an admin is to run, where who migrates may
    create no roles.
    """
    missing = list(connection.scalars(_MISSING, {"roles": [str(role) for role in roles]}))
    if missing and not connection.scalar(_MAY_CREATE):
        statements = " ".join(f"CREATE ROLE {role} NOLOGIN;" for role in missing)
        raise ConfigurationError(
            "who migrates may create no roles: give DATABASE_URL's user CREATEROLE, or let an"
            f" admin of the server run this first: {statements}"
        )
    for role in missing:
        connection.execute(text(_CREATE.format(role=role)))
