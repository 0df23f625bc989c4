"""An order that a kitchen's printer printed does not expire: who works from paper taps nothing."""

from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

NOT_PRINTED = """
        AND NOT EXISTS (
            SELECT FROM print_job p
            WHERE p.restaurant_id = o.restaurant_id AND p.order_id = o.id AND p.state = 'printed'
        )"""


def upgrade() -> None:
    replace_function(NOT_PRINTED)


def downgrade() -> None:
    replace_function("")


def replace_function(condition: str) -> None:
    op.execute(
        f"""
CREATE OR REPLACE FUNCTION overdue_orders(most integer)
RETURNS TABLE (restaurant_id uuid, order_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT o.restaurant_id, o.id
    FROM "order" o JOIN restaurant r ON r.id = o.restaurant_id
    WHERE o.status = 'placed'
        AND o.ready_at < now() - make_interval(mins => r.expire_orders_minutes){condition}
    ORDER BY o.ready_at
    LIMIT most
$$
"""
    )
