"""An order that nobody at the restaurant took expires, after a time it chooses itself."""

from typing import Final

import sqlalchemy as sa
from alembic import op

from controlplane.database_roles import DatabaseRole

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

NOTIFIER: Final = DatabaseRole.NOTIFIER
MOVES_ORDERS: Final = {
    "order": "UPDATE",
    "order_event": "SELECT, INSERT",
    "event_outbox": "SELECT, INSERT",
    "slot_use": "SELECT, DELETE",
    "slot_counter": "SELECT, UPDATE",
    "payment_link": "SELECT, UPDATE",
    "task": "SELECT, INSERT",
}
"""With these the notifier lets an order of one restaurant expire."""


def upgrade() -> None:
    op.add_column(
        "restaurant",
        sa.Column(
            "expire_orders_minutes", sa.Integer(), server_default=sa.text("120"), nullable=False
        ),
    )
    op.create_check_constraint(
        op.f("ck_restaurant_expire_orders_minutes"),
        "restaurant",
        "expire_orders_minutes BETWEEN 15 AND 1440",
    )
    op.create_index(
        op.f("ix_order_ready_at"),
        "order",
        ["ready_at"],
        postgresql_where=sa.text("status = 'placed'"),
    )
    op.execute(
        """
CREATE FUNCTION overdue_orders(most integer) RETURNS TABLE (restaurant_id uuid, order_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT o.restaurant_id, o.id
    FROM "order" o JOIN restaurant r ON r.id = o.restaurant_id
    WHERE o.status = 'placed'
        AND o.ready_at < now() - make_interval(mins => r.expire_orders_minutes)
    ORDER BY o.ready_at
    LIMIT most
$$
"""
    )
    op.execute("REVOKE ALL ON FUNCTION overdue_orders(integer) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION overdue_orders(integer) TO {NOTIFIER}")
    for table, privileges in MOVES_ORDERS.items():
        op.execute(f'GRANT {privileges} ON "{table}" TO {NOTIFIER}')


def downgrade() -> None:
    for table, privileges in MOVES_ORDERS.items():
        op.execute(f'REVOKE {privileges} ON "{table}" FROM {NOTIFIER}')
    op.execute("DROP FUNCTION overdue_orders(integer)")
    op.drop_index(op.f("ix_order_ready_at"), table_name="order")
    op.drop_column("restaurant", "expire_orders_minutes")
