"""Admins import an existing application's restaurant; its old orders were of no menu of ours."""

from typing import Final

from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

WRITTEN: Final = (
    "restaurant",
    "customer",
    "order",
    "order_line",
    "order_vat_line",
    "order_event",
    "reservation",
    "reservation_event",
)
TRIGGER: Final = 'CREATE TRIGGER order_names_its_menu BEFORE INSERT ON "order" FOR EACH ROW'
NAMES: Final = "EXECUTE FUNCTION order_names_its_menu()"


def upgrade() -> None:
    for table in WRITTEN:
        grant(table, {DatabaseRole.ADMIN: "INSERT"})
    op.execute('DROP TRIGGER order_names_its_menu ON "order"')
    op.execute(f"{TRIGGER} WHEN (NEW.idempotency_key NOT LIKE 'import:%') {NAMES}")


def downgrade() -> None:
    op.execute('DROP TRIGGER order_names_its_menu ON "order"')
    op.execute(f"{TRIGGER} {NAMES}")
    for table in WRITTEN:
        op.execute(f'REVOKE INSERT ON "{table}" FROM {DatabaseRole.ADMIN}')
