"""A correction names the order it replaces, of which no terminal status is ever left."""

import sqlalchemy as sa
from alembic import op

from controlplane.migrations.tenant_table import run_as_owner

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TERMINAL = "('completed', 'rejected', 'cancelled')"


def upgrade() -> None:
    op.add_column("order", sa.Column("replaces_id", sa.Uuid(), nullable=True))
    op.create_check_constraint(op.f("ck_order_replaces_id"), "order", "replaces_id <> id")
    op.create_unique_constraint(
        op.f("uq_order_restaurant_id_replaces_id"), "order", ["restaurant_id", "replaces_id"]
    )
    op.create_foreign_key(
        op.f("fk_order_restaurant_id_replaces_id_order"),
        "order",
        "order",
        ["restaurant_id", "replaces_id"],
        ["restaurant_id", "id"],
    )
    op.execute(
        """
CREATE FUNCTION order_replaces_a_cancelled_one() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM "order"
    WHERE restaurant_id = NEW.restaurant_id AND id = NEW.replaces_id AND status <> 'cancelled';
    IF FOUND THEN
        RAISE check_violation USING CONSTRAINT = 'order_replaces_a_cancelled_one', TABLE = 'order',
            MESSAGE = format('order %s replaces one that is not cancelled', NEW.id);
    END IF;
    RETURN NULL;
END
$$
"""
    )
    run_as_owner("order_replaces_a_cancelled_one")
    op.execute(
        "CREATE CONSTRAINT TRIGGER order_replaces_a_cancelled_one"
        ' AFTER INSERT OR UPDATE OF replaces_id ON "order" DEFERRABLE INITIALLY DEFERRED'
        " FOR EACH ROW WHEN (NEW.replaces_id IS NOT NULL)"
        " EXECUTE FUNCTION order_replaces_a_cancelled_one()"
    )
    op.execute(
        """
CREATE FUNCTION order_never_reopens() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE check_violation USING CONSTRAINT = 'order_never_reopens', TABLE = 'order',
        MESSAGE = format('order %s is %s, and stays so', OLD.id, OLD.status);
END
$$
"""
    )
    op.execute(
        'CREATE TRIGGER order_never_reopens BEFORE UPDATE OF status ON "order" FOR EACH ROW'
        f" WHEN (OLD.status IN {TERMINAL} AND NEW.status <> OLD.status)"
        " EXECUTE FUNCTION order_never_reopens()"
    )


def downgrade() -> None:
    for name in ("order_never_reopens", "order_replaces_a_cancelled_one"):
        op.execute(f'DROP TRIGGER {name} ON "order"')
        op.execute(f"DROP FUNCTION {name}()")
    op.drop_constraint(op.f("fk_order_restaurant_id_replaces_id_order"), "order")
    op.drop_column("order", "replaces_id")
