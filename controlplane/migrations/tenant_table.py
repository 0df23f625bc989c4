"""What migrations do to each table that holds restaurants' rows: wall it off, say who may use it.

`isolate` gives the table two policies. By `tenant` every role sees and writes the rows of the
restaurant that `app.restaurant_id` names in this transaction (`controlplane/tenancy.py`), and none
while it names no restaurant. By `platform` the named processes, which serve many restaurants, and
the table's owner, who migrates, see all rows; what they may do with them, `grant` says.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from alembic import op
from sqlalchemy import text

from controlplane.database_roles import DatabaseRole

THIS_RESTAURANT: Final = "nullif(current_setting('app.restaurant_id', true), '')::uuid"
"""A pooled connection whose transaction set it says '' afterwards, and not NULL."""

_OURS_ONLY: Final = "pg_catalog, public, pg_temp"
"""Nobody's own tables or functions of the same names come before these."""


def isolate(
    table: str, *, platform: Sequence[DatabaseRole] = (), column: str = "restaurant_id"
) -> None:
    """Let a role see only its restaurant's rows; those of `platform`, and the owner, see all.

    `column` holds the restaurant's id.
    """
    mine = f"{column} = {THIS_RESTAURANT}"
    everywhere = ", ".join((_owner(table), *platform))
    for statement in (
        f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY',
        f'CREATE POLICY tenant ON "{table}" USING ({mine}) WITH CHECK ({mine})',
        f'CREATE POLICY platform ON "{table}" TO {everywhere} USING (true) WITH CHECK (true)',
    ):
        op.execute(statement)


def let_see_all(table: str, platform: Sequence[DatabaseRole]) -> None:
    """Name anew the roles that see all restaurants' rows of a table that `isolate` walled off."""
    everywhere = ", ".join((_owner(table), *platform))
    op.execute(f'ALTER POLICY platform ON "{table}" TO {everywhere}')


def let_see_too(table: str, role: DatabaseRole) -> None:
    """Add a role to those that see all restaurants' rows of a table."""
    _rewrite_platform(table, "roles || {role}", role)


def let_see_no_more(table: str, role: DatabaseRole) -> None:
    """Take a role out again of those that see all restaurants' rows."""
    _rewrite_platform(table, "array_remove(roles, {role})", role)


def _rewrite_platform(table: str, roles: str, role: DatabaseRole) -> None:
    new = roles.format(role=f"CAST('{role}' AS name)")
    op.execute(
        f"""
DO $$
DECLARE everywhere text;
BEGIN
    SELECT string_agg(quote_ident(each), ', ') INTO everywhere
    FROM pg_policies, unnest({new}) AS each
    WHERE tablename = '{table}' AND policyname = 'platform';
    EXECUTE format('ALTER POLICY platform ON %I TO %s', '{table}', everywhere);
END
$$
"""
    )


def reopen(table: str) -> None:
    """Take down what `isolate` put up. A table that is dropped needs it not."""
    for statement in (
        f'DROP POLICY tenant ON "{table}"',
        f'DROP POLICY platform ON "{table}"',
        f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY',
    ):
        op.execute(statement)


def grant(table: str, privileges: Mapping[DatabaseRole, str]) -> None:
    """Allow each role what is named, such as `SELECT, INSERT`.

    An INSERT whose row is given back, as the ORM does, and every WHERE need SELECT too.
    """
    for role, named in privileges.items():
        op.execute(f'GRANT {named} ON "{table}" TO {role}')


def revoke(table: str, roles: Sequence[DatabaseRole]) -> None:
    """Take back whatever these roles may do with the table."""
    op.execute(f'REVOKE ALL ON "{table}" FROM {", ".join(roles)}')


def run_as_owner(function: str) -> None:
    """Have a trigger's function act with its owner's rights: it looks into tables of which whoever
    caused it may know nothing. `CREATE OR REPLACE FUNCTION` undoes this.
    """
    op.execute(f"ALTER FUNCTION {function}() SECURITY DEFINER SET search_path = {_OURS_ONLY}")


def _owner(table: str) -> str:
    query = text(
        "SELECT quote_ident(pg_get_userbyid(relowner)) FROM pg_class"
        " WHERE oid = CAST(quote_ident(:table) AS regclass)"
    )
    owner: str = op.get_bind().execute(query, {"table": table}).scalar_one()
    return owner
