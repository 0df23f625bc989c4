"""The site shows a restaurant's calls and the state of its line, and asks for a password again.

An account's password stays out of its reach: it reads a line by a function, not by the table.
"""

import sqlalchemy as sa
from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import THIS_RESTAURANT, grant, revoke

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

WEB = DatabaseRole.WEB

LINE = f"""
CREATE FUNCTION line_of_restaurant()
RETURNS TABLE (gateway_name text, state text, state_at timestamptz, last_sip_code integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT gateway_name,
        CASE WHEN state_epoch = epoch THEN state ELSE 'UNREGED' END, state_at, last_sip_code
    FROM sip_registration WHERE restaurant_id = {THIS_RESTAURANT}
$$
"""


def upgrade() -> None:
    for table in ("call", "call_turn", "menu_draft"):
        grant(table, {WEB: "SELECT"})
    op.execute(LINE)
    op.execute("REVOKE ALL ON FUNCTION line_of_restaurant() FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION line_of_restaurant() TO {WEB}")
    op.add_column(
        "user_session",
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
    )


def downgrade() -> None:
    op.drop_column("user_session", "confirmed_at")
    op.execute("DROP FUNCTION line_of_restaurant()")
    for table in ("call", "call_turn", "menu_draft"):
        revoke(table, [WEB])
