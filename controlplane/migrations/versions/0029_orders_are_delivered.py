"""An order has a type, and a delivery its address and the time it is at its door.

The type has a constant default, so the column is NOT NULL at once and no row is written again; a
worker of the version before goes on placing orders that are fetched.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate, run_as_owner

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

BEFORE: Final = (
    "placed",
    "accepted",
    "preparing",
    "ready",
    "completed",
    "rejected",
    "cancelled",
    "expired",
    "no_show",
)
STATUSES: Final = (*BEFORE[:4], "out_for_delivery", *BEFORE[4:])
ORDER_CHECKS: Final = {
    "order_type": "order_type IN ('pickup', 'delivery', 'on_site')",
    "delivery": (
        "CASE WHEN order_type = 'delivery' THEN deliver_at IS NOT NULL AND deliver_at >= ready_at"
        " ELSE deliver_at IS NULL AND status <> 'out_for_delivery' END"
    ),
}
DELIVERY_CHECKS: Final = {
    "zone": "zone <> ''",
    "street": "street <> ''",
    "postcode": "postcode ~ '^[0-9]{5}$'",
    "city": "city <> ''",
    "latitude": "latitude BETWEEN -90 AND 90",
    "longitude": "longitude BETWEEN -180 AND 180",
    "point": "(latitude IS NULL) = (longitude IS NULL)",
}
EMPTY: Final = sa.text("''")
WATCHED: Final = (
    ("order", "id", "INSERT OR UPDATE OF order_type"),
    ("order_delivery", "order_id", "INSERT OR UPDATE"),
)


def upgrade() -> None:
    op.add_column(
        "order",
        sa.Column("order_type", sa.Text(), server_default=sa.text("'pickup'"), nullable=False),
    )
    op.add_column("order", sa.Column("deliver_at", sa.DateTime(timezone=True), nullable=True))
    _allow(STATUSES)
    for name, rule in ORDER_CHECKS.items():
        op.create_check_constraint(op.f(f"ck_order_{name}"), "order", rule)
    _deliveries()
    _watch()


def _deliveries() -> None:
    op.create_table(
        "order_delivery",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("house_number", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("street", sa.Text(), nullable=False),
        sa.Column("postcode", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("insee_code", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Float(53), nullable=True),
        sa.Column("longitude", sa.Float(53), nullable=True),
        sa.Column("floor", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("door_code", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("instructions", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        *(
            sa.CheckConstraint(rule, name=op.f(f"ck_order_delivery_{name}"))
            for name, rule in DELIVERY_CHECKS.items()
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "order_id"],
            ["order.restaurant_id", "order.id"],
            name=op.f("fk_order_delivery_restaurant_id_order_id_order"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("restaurant_id", "order_id", name=op.f("pk_order_delivery")),
    )
    op.create_index(
        op.f("ix_order_delivery_restaurant_id_order_delivery_created_at"),
        "order_delivery",
        ["restaurant_id", "created_at"],
    )
    isolate("order_delivery", platform=[DatabaseRole.CONTROLLER, DatabaseRole.ADMIN])
    grant("order_delivery", {DatabaseRole.WEB: "SELECT", DatabaseRole.WORKER: "SELECT, INSERT"})
    for forgets in (DatabaseRole.CONTROLLER, DatabaseRole.ADMIN):
        grant("order_delivery", {forgets: "SELECT, DELETE"})


def _watch() -> None:
    """A delivery that is forgotten loses its address by a DELETE, which nothing here looks at."""
    op.execute(
        """
CREATE FUNCTION delivery_has_an_address() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong uuid;
BEGIN
    SELECT o.id INTO wrong FROM "order" o
    WHERE o.restaurant_id = NEW.restaurant_id
        AND o.id = CAST(to_jsonb(NEW) ->> TG_ARGV[0] AS uuid)
        AND (o.order_type = 'delivery') <> EXISTS (
            SELECT FROM order_delivery d
            WHERE d.restaurant_id = o.restaurant_id AND d.order_id = o.id
        );
    IF FOUND THEN
        RAISE check_violation USING CONSTRAINT = 'delivery_has_an_address', TABLE = 'order',
            MESSAGE = format('order %s: a delivery has an address, and no other order has', wrong);
    END IF;
    RETURN NULL;
END
$$
"""
    )
    run_as_owner("delivery_has_an_address")
    for table, key, events in WATCHED:
        op.execute(
            f'CREATE CONSTRAINT TRIGGER {table}_has_an_address AFTER {events} ON "{table}"'
            " DEFERRABLE INITIALLY DEFERRED"
            f" FOR EACH ROW EXECUTE FUNCTION delivery_has_an_address('{key}')"
        )


def downgrade() -> None:
    """What was on its way is ready again; where it goes is lost, and that it goes anywhere."""
    for table, *_ in WATCHED:
        op.execute(f'DROP TRIGGER {table}_has_an_address ON "{table}"')
    op.execute("DROP FUNCTION delivery_has_an_address()")
    op.drop_table("order_delivery")
    for name in ORDER_CHECKS:
        op.drop_constraint(op.f(f"ck_order_{name}"), "order")
    op.execute("UPDATE \"order\" SET status = 'ready' WHERE status = 'out_for_delivery'")
    _allow(BEFORE)
    for name in ("deliver_at", "order_type"):
        op.drop_column("order", name)


def _allow(statuses: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_order_status"), "order")
    op.create_check_constraint(op.f("ck_order_status"), "order", f"status IN {statuses}")
