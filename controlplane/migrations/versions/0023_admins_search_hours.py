"""Admins may read hours and pacing too: an erasure searches every text of a restaurant."""

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, revoke

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

SEARCHED = ("busy_state", "opening_rule", "pacing_rule")


def upgrade() -> None:
    for table in SEARCHED:
        grant(table, {DatabaseRole.ADMIN: "SELECT"})


def downgrade() -> None:
    for table in SEARCHED:
        revoke(table, [DatabaseRole.ADMIN])
