"""Allergies told with an order, and two ways an order ends: expired, and not fetched."""

import sqlalchemy as sa
from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

BEFORE = ("placed", "accepted", "preparing", "ready", "completed", "rejected", "cancelled")
NEW = ("expired", "no_show")
TERMINAL = ("completed", "rejected", "cancelled")

WEB, WORKER = DatabaseRole.WEB, DatabaseRole.WORKER
CONTROLLER, ADMIN = DatabaseRole.CONTROLLER, DatabaseRole.ADMIN


def upgrade() -> None:
    _allow((*BEFORE, *NEW))
    op.execute('DROP TRIGGER order_never_reopens ON "order"')
    _watch((*TERMINAL, *NEW))
    op.create_table(
        "order_allergy",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.CheckConstraint("words <> ''", name=op.f("ck_order_allergy_words")),
        sa.CheckConstraint(
            "(acknowledged_at IS NULL) = (acknowledged_by IS NULL)",
            name=op.f("ck_order_allergy_acknowledged_by"),
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "order_id"],
            ["order.restaurant_id", "order.id"],
            name=op.f("fk_order_allergy_restaurant_id_order_id_order"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_allergy")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_order_allergy_restaurant_id_id")),
    )
    for column in ("order_id", "created_at"):
        op.create_index(
            op.f(f"ix_order_allergy_restaurant_id_order_allergy_{column}"),
            "order_allergy",
            ["restaurant_id", column],
        )
    isolate("order_allergy", platform=[CONTROLLER, ADMIN])
    grant("order_allergy", {WEB: "SELECT, UPDATE", WORKER: "SELECT, INSERT"})
    grant("order_allergy", {CONTROLLER: "SELECT, DELETE", ADMIN: "SELECT, DELETE"})


def downgrade() -> None:
    """An order that nobody took, or fetched, becomes one that was cancelled."""
    op.drop_table("order_allergy")
    op.execute('DROP TRIGGER order_never_reopens ON "order"')
    op.execute(f"UPDATE \"order\" SET status = 'cancelled' WHERE status IN {NEW}")
    _allow(BEFORE)
    _watch(TERMINAL)


def _allow(statuses: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_order_status"), "order")
    op.create_check_constraint(op.f("ck_order_status"), "order", f"status IN {statuses}")


def _watch(terminal: tuple[str, ...]) -> None:
    op.execute(
        'CREATE TRIGGER order_never_reopens BEFORE UPDATE OF status ON "order" FOR EACH ROW'
        f" WHEN (OLD.status IN {terminal} AND NEW.status <> OLD.status)"
        " EXECUTE FUNCTION order_never_reopens()"
    )
