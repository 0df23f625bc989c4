"""A restaurant's people set it up on the site: its name, kitchen, holidays, and whom callers get.

The site may write these columns of its restaurant and no others. Whether a number is a line of
ours is a question about all restaurants: a function answers it, and tells no more.
"""

from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

WEB, ADMIN = DatabaseRole.WEB, DatabaseRole.ADMIN

RESTAURANT = (
    "name, spoken_name, address, phone_e164, status, voice, holiday_hours, alsace_moselle,"
    " preparation_minutes, most_preparation_minutes, seconds_per_unit, kitchen_unit"
)

IS_OUR_LINE = r"""
CREATE FUNCTION is_our_line(last_digits text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM sip_registration
        WHERE right(regexp_replace(username, '\D', '', 'g'), 9) = last_digits)
$$
"""


def upgrade() -> None:
    op.execute(f"GRANT UPDATE ({RESTAURANT}) ON restaurant TO {WEB}")
    grant("transfer_target", {WEB: "INSERT, UPDATE, DELETE"})
    op.execute(IS_OUR_LINE)
    op.execute("REVOKE ALL ON FUNCTION is_our_line(text) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION is_our_line(text) TO {WEB}, {ADMIN}")


def downgrade() -> None:
    op.execute("DROP FUNCTION is_our_line(text)")
    op.execute(f"REVOKE INSERT, UPDATE, DELETE ON transfer_target FROM {WEB}")
    op.execute(f"REVOKE UPDATE ({RESTAURANT}) ON restaurant FROM {WEB}")
