"""A line remembers the portions it took; an order that nobody began to make gives them back."""

import sqlalchemy as sa
from alembic import op

from controlplane.migrations.tenant_table import run_as_owner

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("order_line", sa.Column("portions_taken", sa.Integer(), nullable=True))
    op.execute("DROP TRIGGER take_portions ON order_line")
    op.execute(
        """
CREATE OR REPLACE FUNCTION take_portions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT least(portions_left, NEW.quantity) INTO NEW.portions_taken FROM menu_item
    WHERE restaurant_id = NEW.restaurant_id AND id = NEW.menu_item_id AND portions_left > 0
    FOR NO KEY UPDATE;
    UPDATE menu_item SET portions_left = portions_left - NEW.portions_taken
    WHERE restaurant_id = NEW.restaurant_id AND id = NEW.menu_item_id AND NEW.portions_taken > 0;
    RETURN NEW;
END
$$
"""
    )
    run_as_owner("take_portions")
    op.execute(
        "CREATE TRIGGER take_portions BEFORE INSERT ON order_line"
        " FOR EACH ROW EXECUTE FUNCTION take_portions()"
    )
    _give_back()


def _give_back() -> None:
    """What is no longer counted, or no longer on the menu, stays so. Dishes are locked by their
    ids, as an order's lines take them.
    """
    op.execute(
        """
CREATE FUNCTION give_portions_back() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    taken record;
BEGIN
    FOR taken IN
        SELECT menu_item_id, sum(portions_taken) AS portions FROM order_line
        WHERE restaurant_id = NEW.restaurant_id AND order_id = NEW.id AND portions_taken > 0
        GROUP BY menu_item_id ORDER BY menu_item_id
    LOOP
        UPDATE menu_item SET portions_left = portions_left + taken.portions
        WHERE restaurant_id = NEW.restaurant_id AND id = taken.menu_item_id
            AND portions_left IS NOT NULL;
    END LOOP;
    RETURN NULL;
END
$$
"""
    )
    run_as_owner("give_portions_back")
    op.execute(
        'CREATE TRIGGER give_portions_back AFTER UPDATE OF status ON "order" FOR EACH ROW'
        " WHEN (OLD.status IN ('placed', 'accepted')"
        " AND NEW.status IN ('rejected', 'cancelled', 'expired'))"
        " EXECUTE FUNCTION give_portions_back()"
    )


def downgrade() -> None:
    op.execute('DROP TRIGGER give_portions_back ON "order"')
    op.execute("DROP FUNCTION give_portions_back()")
    op.execute("DROP TRIGGER take_portions ON order_line")
    op.execute(
        """
CREATE OR REPLACE FUNCTION take_portions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE menu_item SET portions_left = greatest(portions_left - NEW.quantity, 0)
    WHERE restaurant_id = NEW.restaurant_id AND id = NEW.menu_item_id AND portions_left > 0;
    RETURN NULL;
END
$$
"""
    )
    run_as_owner("take_portions")
    op.execute(
        "CREATE TRIGGER take_portions AFTER INSERT ON order_line"
        " FOR EACH ROW EXECUTE FUNCTION take_portions()"
    )
    op.drop_column("order_line", "portions_taken")
