"""The catalogue says that every tenant's table is walled off, and who may do what with which table.

A table that somebody adds and forgets to isolate fails here, and so does a grant nobody declared.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from controlplane.database import libpq_url
from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import THIS_RESTAURANT
from tests.integration.database.declared_grants import COLUMNS, GRANTS

pytestmark = pytest.mark.integration

Catalogue = psycopg.Connection[tuple[Any, ...]]

ONE_RESTAURANT = {DatabaseRole.WEB, DatabaseRole.WORKER}


@pytest.fixture
def catalogue(database_url: str) -> Iterator[Catalogue]:
    with psycopg.connect(libpq_url(database_url), autocommit=True) as connection:
        yield connection


TENANT_TABLES = """
SELECT c.relname,
    CASE c.relname WHEN 'restaurant' THEN 'id' ELSE 'restaurant_id' END,
    c.relrowsecurity, c.relforcerowsecurity, pg_get_userbyid(c.relowner)
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND (
    c.relname = 'restaurant' OR EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'restaurant_id'))
"""


def uncovered(catalogue: Catalogue) -> list[str]:
    """Each tenant's table that anybody might see another's rows in, and why."""
    found = []
    for table, column, enabled, forced, owner in catalogue.execute(TENANT_TABLES).fetchall():
        policies = {
            name: (permissive, set(roles), command, *conditions)
            for name, permissive, roles, command, *conditions in catalogue.execute(
                "SELECT policyname, permissive, roles, cmd, qual, with_check FROM pg_policies"
                " WHERE tablename = %s",
                [table],
            )
        }
        mine = condition(catalogue, table, column)
        if not (enabled and forced):
            found.append(f"{table}: row-level security is not enabled and forced")
        if policies.pop("tenant", None) != ("PERMISSIVE", {"public"}, "ALL", mine, mine):
            found.append(f"{table}: no policy by its restaurant")
        platform = policies.pop("platform", None)
        allowed = {owner, *(set(DatabaseRole) - ONE_RESTAURANT)}
        if platform is None or owner not in platform[1] or not platform[1] <= allowed:
            found.append(f"{table}: its platform policy is not for the platform's roles")
        found += [f"{table}: {name} is a policy nobody declared" for name in policies]
    return found


def condition(catalogue: Catalogue, table: str, column: str) -> str:
    """The tenant's condition as Postgres writes it down."""
    with catalogue.transaction(force_rollback=True):
        catalogue.execute(
            f'CREATE POLICY asked ON "{table}" USING ({column} = {THIS_RESTAURANT})'.encode()
        )
        row = catalogue.execute(
            "SELECT qual FROM pg_policies WHERE policyname = 'asked'"
        ).fetchone()
    assert row is not None
    return str(row[0])


def test_every_tenants_table_is_walled_off(catalogue: Catalogue) -> None:
    assert len(catalogue.execute(TENANT_TABLES).fetchall()) >= 15
    assert uncovered(catalogue) == []


@pytest.mark.parametrize(
    ("breach", "told"),
    [
        (
            "CREATE TABLE forgotten (restaurant_id uuid NOT NULL)",
            "forgotten: row-level security is not enabled and forced",
        ),
        (
            'ALTER TABLE "order" NO FORCE ROW LEVEL SECURITY',
            "order: row-level security is not enabled and forced",
        ),
        ("DROP POLICY tenant ON call", "call: no policy by its restaurant"),
        (
            "ALTER POLICY tenant ON call USING (true)",
            "call: no policy by its restaurant",
        ),
        (
            'ALTER POLICY platform ON "order" TO alloresto_web',
            "order: its platform policy is not for the platform's roles",
        ),
        (
            "CREATE POLICY more ON call_turn USING (true)",
            "call_turn: more is a policy nobody declared",
        ),
    ],
)
def test_a_breach_is_seen(catalogue: Catalogue, breach: str, told: str) -> None:
    catalogue.execute(breach.encode())
    assert told in uncovered(catalogue)


def test_a_role_may_do_what_is_declared_and_nothing_else(catalogue: Catalogue) -> None:
    granted: dict[str, dict[DatabaseRole, set[str]]] = {}
    for table, role, privilege in catalogue.execute(
        "SELECT table_name, grantee, privilege_type FROM information_schema.table_privileges"
        " WHERE table_schema = 'public' AND grantee <> (SELECT current_user)"
    ):
        granted.setdefault(table, {}).setdefault(DatabaseRole(role), set()).add(privilege)
    assert granted == GRANTS


def test_a_role_may_write_the_declared_columns_and_no_others(catalogue: Catalogue) -> None:
    granted: dict[tuple[str, DatabaseRole, str], set[str]] = {}
    for table, column, role, privilege in catalogue.execute(
        "SELECT relname, attname, pg_get_userbyid(grantee), privilege_type"
        " FROM pg_attribute JOIN pg_class ON oid = attrelid, aclexplode(attacl)"
        " WHERE relnamespace = 'public'::regnamespace"
    ):
        granted.setdefault((table, DatabaseRole(role), privilege), set()).add(column)
    assert granted == COLUMNS


def test_nothing_is_granted_by_sequence_or_default(catalogue: Catalogue) -> None:
    """These grants the matrix would not show."""
    sequence = catalogue.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'S' AND relacl IS NOT NULL"
    ).fetchall()
    default = catalogue.execute("SELECT defaclrole FROM pg_default_acl").fetchall()
    assert (sequence, default) == ([], [])


def test_no_role_owns_a_table_passes_the_walls_or_logs_in(catalogue: Catalogue) -> None:
    roles = catalogue.execute(
        "SELECT rolname, rolsuper OR rolbypassrls OR rolcanlogin OR rolcreaterole OR rolcreatedb"
        " OR EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid)"
        " OR EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid)"
        " FROM pg_roles WHERE rolname LIKE 'alloresto\\_%'"
    ).fetchall()
    assert sorted(roles) == sorted((str(role), False) for role in DatabaseRole)


# Foreign keys are checked without row-level security: only their columns keep them in a tenant.
LOOSE_KEYS = """
SELECT format('%s: %s', conrelid::regclass, conname) FROM pg_constraint
WHERE contype = 'f' AND connamespace = 'public'::regnamespace
    AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = conrelid AND attname = 'restaurant_id')
    AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = confrelid AND attname = 'restaurant_id')
    AND NOT EXISTS (
        SELECT FROM unnest(conkey, confkey) AS pair (here, there)
        JOIN pg_attribute h ON h.attrelid = conrelid AND h.attnum = here
        JOIN pg_attribute t ON t.attrelid = confrelid AND t.attnum = there
        WHERE h.attname = 'restaurant_id' AND t.attname = 'restaurant_id')
"""


def test_no_key_points_into_another_tenant(catalogue: Catalogue) -> None:
    assert catalogue.execute(LOOSE_KEYS).fetchall() == []
    catalogue.execute(
        "ALTER TABLE order_line ADD FOREIGN KEY (menu_item_id) REFERENCES menu_item (id)"
    )
    assert catalogue.execute(LOOSE_KEYS).fetchall() == [
        ("order_line: order_line_menu_item_id_fkey",)
    ]
