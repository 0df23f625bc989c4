"""Admins give a restaurant its printers and its ladder, and have tickets printed again."""

from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

GRANTED = {
    "escalation_step": "INSERT, DELETE",
    "print_job": "INSERT",
    "printer": "INSERT, UPDATE",
}


def upgrade() -> None:
    for table, privileges in GRANTED.items():
        grant(table, {DatabaseRole.ADMIN: privileges})


def downgrade() -> None:
    for table, privileges in GRANTED.items():
        op.execute(f"REVOKE {privileges} ON {table} FROM {DatabaseRole.ADMIN}")
