"""The site reads dishes: a receipt says which allergens the restaurant declares."""

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, revoke

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

TABLES = ("menu_category", "menu_item")


def upgrade() -> None:
    for table in TABLES:
        grant(table, {DatabaseRole.WEB: "SELECT"})


def downgrade() -> None:
    for table in TABLES:
        revoke(table, [DatabaseRole.WEB])
