"""The site takes orders as the worker does, and says why one is not made."""

import sqlalchemy as sa
from alembic import op

from controlplane.database_roles import DatabaseRole

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

GRANTED = {
    "customer": "SELECT, INSERT, UPDATE",
    "order": "INSERT",
    "order_allergy": "INSERT",
    "order_delivery": "INSERT",
    "order_line": "INSERT",
    "order_vat_line": "INSERT",
    "payment_link": "INSERT",
}
"""To place an order is to write all that an order has."""


def upgrade() -> None:
    op.add_column("order_event", sa.Column("reason", sa.Text(), nullable=True))
    op.create_check_constraint(
        "reason",
        "order_event",
        "reason IN ('too_busy', 'sold_out', 'closing', 'out_of_reach', 'customer_asked', 'other')",
    )
    for table, privileges in GRANTED.items():
        op.execute(f'GRANT {privileges} ON "{table}" TO {DatabaseRole.WEB}')


def downgrade() -> None:
    for table, privileges in GRANTED.items():
        op.execute(f'REVOKE {privileges} ON "{table}" FROM {DatabaseRole.WEB}')
    op.drop_column("order_event", "reason")
