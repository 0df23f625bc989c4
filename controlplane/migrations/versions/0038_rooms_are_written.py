"""Site and admins write the dining room: areas, tables, combinations and shifts."""

from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

WRITERS = (DatabaseRole.WEB, DatabaseRole.ADMIN)
WRITTEN = {
    "dining_area": "INSERT, UPDATE",
    "dining_table": "INSERT, UPDATE",
    "table_combination": "INSERT, UPDATE",
    "combined_table": "INSERT, DELETE",
    "reservation_shift": "INSERT, UPDATE",
    "turn_time": "INSERT, DELETE",
}


def upgrade() -> None:
    for table, privileges in WRITTEN.items():
        grant(table, dict.fromkeys(WRITERS, privileges))


def downgrade() -> None:
    for table, privileges in WRITTEN.items():
        op.execute(f"REVOKE {privileges} ON {table} FROM {', '.join(WRITERS)}")
