"""Payment by link: a restaurant's policy and account, links, and the money that came and went."""

import sqlalchemy as sa
from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

WEB, WORKER, ADMIN = DatabaseRole.WEB, DatabaseRole.WORKER, DatabaseRole.ADMIN

TENANTS = {
    "payment_account": {WEB: "SELECT", ADMIN: "SELECT, INSERT, UPDATE, DELETE"},
    "payment_link": {
        WEB: "SELECT, UPDATE",
        WORKER: "SELECT, INSERT, UPDATE",
        ADMIN: "SELECT",
    },
    "payment_movement": {WEB: "SELECT, INSERT", WORKER: "SELECT", ADMIN: "SELECT"},
}
POLICIES = "('at_pickup', 'link_optional', 'link_required_for_delivery')"

# Whoever pays is of one restaurant, and the site looks for what is due in all: it is given ids.
LINKS_DUE = """
CREATE FUNCTION payment_links_due(most integer)
RETURNS TABLE (restaurant_id uuid, link_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    (SELECT l.restaurant_id, l.id FROM payment_link l
     WHERE l.status IN ('created', 'sent') AND l.expires_at <= now()
     ORDER BY l.expires_at LIMIT most)
    UNION ALL
    (SELECT l.restaurant_id, l.id FROM payment_link l
     WHERE l.status IN ('expired', 'cancelled') AND l.session_id IS NOT NULL
       AND l.session_closed_at IS NULL
     ORDER BY l.expires_at LIMIT most)
$$
"""


def upgrade() -> None:
    op.add_column(
        "restaurant",
        sa.Column(
            "payment_policy", sa.Text(), server_default=sa.text("'at_pickup'"), nullable=False
        ),
    )
    op.add_column(
        "restaurant",
        sa.Column("payment_minutes", sa.Integer(), server_default=sa.text("20"), nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_restaurant_payment_policy"), "restaurant", f"payment_policy IN {POLICIES}"
    )
    op.create_check_constraint(
        op.f("ck_restaurant_payment_minutes"), "restaurant", "payment_minutes BETWEEN 5 AND 1380"
    )
    op.create_unique_constraint(
        op.f("uq_order_restaurant_id_id_total_cents"),
        "order",
        ["restaurant_id", "id", "total_cents"],
    )
    _account()
    _link()
    _movement()
    for table, privileges in TENANTS.items():
        isolate(table, platform=[ADMIN])
        grant(table, privileges)
    op.execute(LINKS_DUE)
    op.execute("REVOKE ALL ON FUNCTION payment_links_due FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION payment_links_due TO {WEB}")


def _account() -> None:
    op.create_table(
        "payment_account",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("api_key_encrypted", sa.Text(), nullable=False),
        sa.Column("webhook_secret_encrypted", sa.Text(), nullable=False),
        _created_at(),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_payment_account_restaurant_id_restaurant"),
        ),
        sa.PrimaryKeyConstraint("restaurant_id", name=op.f("pk_payment_account")),
    )


def _link() -> None:
    op.create_table(
        "payment_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("amount_cents", sa.Integer(), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("session_url", sa.Text(), nullable=True),
        sa.Column("session_closed_at", sa.DateTime(timezone=True), nullable=True),
        _created_at(),
        sa.CheckConstraint("amount_cents > 0", name=op.f("ck_payment_link_amount_cents")),
        sa.CheckConstraint("expires_at > created_at", name=op.f("ck_payment_link_expires_at")),
        sa.CheckConstraint(
            "(session_id IS NULL) = (session_url IS NULL)",
            name=op.f("ck_payment_link_session_url"),
        ),
        sa.CheckConstraint(
            "status IN ('created', 'sent', 'paid', 'expired', 'cancelled', 'refunded')",
            name=op.f("ck_payment_link_status"),
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "order_id", "amount_cents"],
            ["order.restaurant_id", "order.id", "order.total_cents"],
            name=op.f("fk_payment_link_restaurant_id_order_id_amount_cents_order"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_link")),
        *(
            sa.UniqueConstraint(
                "restaurant_id", column, name=op.f(f"uq_payment_link_restaurant_id_{column}")
            )
            for column in ("id", "order_id", "session_id")
        ),
    )
    for name, where in {
        "open": "status IN ('created', 'sent')",
        "to_close": "status IN ('expired', 'cancelled') AND session_id IS NOT NULL"
        " AND session_closed_at IS NULL",
    }.items():
        op.create_index(
            f"ix_payment_link_{name}",
            "payment_link",
            ["expires_at"],
            postgresql_where=sa.text(where),
        )
    op.execute(
        """
CREATE FUNCTION payment_link_never_reopens() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE check_violation USING CONSTRAINT = 'payment_link_never_reopens', TABLE = 'payment_link',
        MESSAGE = format('payment link %s is %s, and stays so', OLD.id, OLD.status);
END
$$
"""
    )
    op.execute(
        "CREATE TRIGGER payment_link_never_reopens BEFORE UPDATE OF status ON payment_link"
        " FOR EACH ROW WHEN (OLD.status IN ('expired', 'cancelled', 'refunded')"
        " AND NEW.status <> OLD.status) EXECUTE FUNCTION payment_link_never_reopens()"
    )


def _movement() -> None:
    op.create_table(
        "payment_movement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_cents", sa.Integer(), nullable=False),
        sa.Column("payment_intent", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint("amount_cents > 0", name=op.f("ck_payment_movement_amount_cents")),
        sa.CheckConstraint(
            "kind IN ('received', 'refunded')", name=op.f("ck_payment_movement_kind")
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "link_id"],
            ["payment_link.restaurant_id", "payment_link.id"],
            name=op.f("fk_payment_movement_restaurant_id_link_id_payment_link"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_movement")),
        *(
            sa.UniqueConstraint(
                "restaurant_id", column, name=op.f(f"uq_payment_movement_restaurant_id_{column}")
            )
            for column in ("id", "event_id")
        ),
    )
    op.create_index(
        "uq_payment_movement_received",
        "payment_movement",
        ["restaurant_id", "payment_intent"],
        unique=True,
        postgresql_where=sa.text("kind = 'received'"),
    )
    op.create_index(
        op.f("ix_payment_movement_restaurant_id_payment_movement_link_id"),
        "payment_movement",
        ["restaurant_id", "link_id"],
    )
    for name, event, each in (
        ("append_only", "UPDATE OR DELETE", "ROW"),
        ("kept", "TRUNCATE", "STATEMENT"),
    ):
        op.execute(
            f"CREATE TRIGGER payment_movement_{name} BEFORE {event} ON payment_movement"
            f" FOR EACH {each} EXECUTE FUNCTION refuse_billing_change()"
        )


def _created_at() -> sa.Column[object]:
    return sa.Column(
        "created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION payment_links_due")
    for table in ("payment_movement", "payment_link", "payment_account"):
        op.drop_table(table)
    op.execute("DROP FUNCTION payment_link_never_reopens()")
    op.drop_constraint(op.f("uq_order_restaurant_id_id_total_cents"), "order")
    for column in ("payment_minutes", "payment_policy"):
        op.drop_constraint(op.f(f"ck_restaurant_{column}"), "restaurant")
        op.drop_column("restaurant", column)
