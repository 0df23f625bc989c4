"""The site reads options: a receipt says what is declared of those that are dishes."""

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, revoke

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    grant("option", {DatabaseRole.WEB: "SELECT"})


def downgrade() -> None:
    revoke("option", [DatabaseRole.WEB])
