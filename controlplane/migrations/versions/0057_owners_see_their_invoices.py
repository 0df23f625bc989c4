"""Owners see their invoices on the site, with what they bill."""

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, revoke

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None

READ = (
    "invoice",
    "invoice_line",
    "invoice_recipient",
    "invoice_usage",
    "plan",
    "subscription",
)


def upgrade() -> None:
    for table in READ:
        grant(table, {DatabaseRole.WEB: "SELECT"})


def downgrade() -> None:
    for table in READ:
        revoke(table, [DatabaseRole.WEB])
