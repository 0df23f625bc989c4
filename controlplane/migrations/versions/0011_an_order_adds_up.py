"""An order says what its dishes come to and its VAT a rate; the database holds it to that."""

import sqlalchemy as sa
from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate, run_as_owner

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ORDER_CHECKS = {
    "delivery_cents": "delivery_cents >= 0",
    "discount_cents": "discount_cents BETWEEN 0 AND items_cents",
    "totals": "total_cents = items_cents + delivery_cents - discount_cents",
}
WATCHED = (
    ("order", "id", "INSERT OR UPDATE OF items_cents, total_cents"),
    ("order_line", "order_id", "INSERT OR UPDATE OR DELETE"),
    ("order_vat_line", "order_id", "INSERT OR UPDATE OR DELETE"),
)


def upgrade() -> None:
    op.add_column("order", sa.Column("items_cents", sa.Integer(), nullable=True))
    for name in ("delivery_cents", "discount_cents"):
        op.add_column(
            "order", sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)
        )
    op.create_table(
        "order_vat_line",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("rate_bp", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("gross_cents", sa.Integer(), nullable=False),
        sa.Column("vat_cents", sa.Integer(), nullable=False),
        sa.Column("net_cents", sa.Integer(), nullable=False),
        sa.CheckConstraint("rate_bp BETWEEN 0 AND 10000", name=op.f("ck_order_vat_line_rate_bp")),
        sa.CheckConstraint("gross_cents >= 0", name=op.f("ck_order_vat_line_gross_cents")),
        sa.CheckConstraint(
            "net_cents + vat_cents = gross_cents", name=op.f("ck_order_vat_line_net_cents")
        ),
        sa.CheckConstraint(
            "vat_cents = (2 * gross_cents::bigint * rate_bp + 10000 + rate_bp)"
            " / (2 * (10000 + rate_bp))",
            name=op.f("ck_order_vat_line_vat_cents"),
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "order_id"],
            ["order.restaurant_id", "order.id"],
            name=op.f("fk_order_vat_line_restaurant_id_order_id_order"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "restaurant_id", "order_id", "rate_bp", name=op.f("pk_order_vat_line")
        ),
    )
    isolate("order_vat_line", platform=[DatabaseRole.ADMIN])
    grant(
        "order_vat_line",
        {
            DatabaseRole.WEB: "SELECT",
            DatabaseRole.WORKER: "SELECT, INSERT",
            DatabaseRole.ADMIN: "SELECT",
        },
    )
    _carry_over()
    for name, rule in ORDER_CHECKS.items():
        op.create_check_constraint(op.f(f"ck_order_{name}"), "order", rule)
    _watch()


def _carry_over() -> None:
    """An order whose lines do not come to its total stays as it was, without VAT lines."""
    op.execute(
        """
UPDATE "order" o SET items_cents = total_cents
WHERE total_cents = (
    SELECT sum(l.total_cents) FROM order_line l
    WHERE l.restaurant_id = o.restaurant_id AND l.order_id = o.id
)
"""
    )
    op.execute(
        """
INSERT INTO order_vat_line (restaurant_id, order_id, rate_bp, gross_cents, vat_cents, net_cents)
SELECT restaurant_id, order_id, rate_bp, gross_cents, vat_cents, gross_cents - vat_cents
FROM (
    SELECT restaurant_id, order_id, rate_bp, gross_cents,
        (2 * gross_cents * rate_bp + 10000 + rate_bp) / (2 * (10000 + rate_bp)) AS vat_cents
    FROM (
        SELECT o.restaurant_id, o.id AS order_id, l.vat_rate_bp AS rate_bp,
            sum(l.total_cents) AS gross_cents
        FROM "order" o
        JOIN order_line l ON l.restaurant_id = o.restaurant_id AND l.order_id = o.id
        WHERE o.items_cents IS NOT NULL
        GROUP BY o.restaurant_id, o.id, l.vat_rate_bp
    ) AS rates
) AS shares
"""
    )


def _watch() -> None:
    op.execute(
        """
CREATE FUNCTION order_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed uuid[] := ARRAY[to_jsonb(OLD) ->> TG_ARGV[0], to_jsonb(NEW) ->> TG_ARGV[0]];
    restaurant uuid[] := ARRAY[OLD.restaurant_id, NEW.restaurant_id];
    wrong uuid;
BEGIN
    SELECT o.id INTO wrong FROM "order" o
    WHERE o.restaurant_id = ANY (restaurant) AND o.id = ANY (changed)
        AND o.items_cents IS NOT NULL
        AND (o.items_cents IS DISTINCT FROM (
            SELECT sum(l.total_cents) FROM order_line l
            WHERE l.restaurant_id = o.restaurant_id AND l.order_id = o.id
        ) OR o.total_cents IS DISTINCT FROM (
            SELECT sum(v.gross_cents) FROM order_vat_line v
            WHERE v.restaurant_id = o.restaurant_id AND v.order_id = o.id
        ));
    IF FOUND THEN
        RAISE check_violation USING CONSTRAINT = 'order_adds_up', TABLE = 'order',
            MESSAGE = format('order %s: its lines do not add up to its totals', wrong);
    END IF;
    RETURN NULL;
END
$$
"""
    )
    run_as_owner("order_adds_up")
    for table, key, events in WATCHED:
        op.execute(
            f'CREATE CONSTRAINT TRIGGER {table}_adds_up AFTER {events} ON "{table}"'
            " DEFERRABLE INITIALLY DEFERRED"
            f" FOR EACH ROW EXECUTE FUNCTION order_adds_up('{key}')"
        )


def downgrade() -> None:
    for table, *_ in WATCHED:
        op.execute(f'DROP TRIGGER {table}_adds_up ON "{table}"')
    op.execute("DROP FUNCTION order_adds_up()")
    op.drop_table("order_vat_line")
    for name in ORDER_CHECKS:
        op.drop_constraint(op.f(f"ck_order_{name}"), "order")
    for name in ("discount_cents", "delivery_cents", "items_cents"):
        op.drop_column("order", name)
