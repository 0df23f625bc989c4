"""A restaurant's public pages are found by its name in addresses, before anybody is named; whoever
follows the link of an offer wants no more of them.
"""

from alembic import op

from controlplane.database_roles import DatabaseRole

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None

WEB = DatabaseRole.WEB


def upgrade() -> None:
    op.execute(
        """
CREATE FUNCTION restaurant_of_slug(wanted text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT id FROM restaurant WHERE slug = wanted
$$
"""
    )
    op.execute("REVOKE ALL ON FUNCTION restaurant_of_slug(text) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION restaurant_of_slug(text) TO {WEB}")
    op.execute(f"GRANT INSERT, UPDATE ON consent TO {WEB}")


def downgrade() -> None:
    op.execute(f"REVOKE INSERT, UPDATE ON consent FROM {WEB}")
    op.execute("DROP FUNCTION restaurant_of_slug(text)")
