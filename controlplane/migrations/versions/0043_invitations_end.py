"""The controller deletes invitations and sign-ins that have been over for a while."""

from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate, reopen

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

ENDED = ("invitation", "user_session")


def upgrade() -> None:
    reopen("invitation")
    isolate("invitation", platform=[DatabaseRole.CONTROLLER, DatabaseRole.ADMIN])
    for table in ENDED:
        grant(table, {DatabaseRole.CONTROLLER: "SELECT, DELETE"})


def downgrade() -> None:
    for table in ENDED:
        op.execute(f"REVOKE SELECT, DELETE ON {table} FROM {DatabaseRole.CONTROLLER}")
    reopen("invitation")
    isolate("invitation", platform=[DatabaseRole.ADMIN])
