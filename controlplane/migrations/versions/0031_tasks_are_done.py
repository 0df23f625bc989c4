"""Tasks: calling back, complaints, what was left behind; an order to call back about gets one."""

import sqlalchemy as sa
from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

WEB, WORKER = DatabaseRole.WEB, DatabaseRole.WORKER
PRUNERS = (DatabaseRole.CONTROLLER, DatabaseRole.ADMIN)
CHECKS = {
    "kind": "kind IN ('call_back', 'complaint', 'lost_property', 'other')",
    "status": "status IN ('open', 'taken', 'done', 'dismissed')",
    "words": "char_length(words) <= 500",
    "taken_by": "status <> 'taken' OR taken_by IS NOT NULL",
    "settled_at": "(status IN ('done', 'dismissed')) = (settled_at IS NOT NULL)",
}


def upgrade() -> None:
    op.create_table(
        "task",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("customer_name", sa.Text(), nullable=True),
        sa.Column("customer_phone_e164", sa.Text(), nullable=True),
        sa.Column("call_id", sa.Uuid(), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("taken_by", sa.Text(), nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_task_{name}")) for name, rule in CHECKS.items()),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_task_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "order_id"],
            ["order.restaurant_id", "order.id"],
            name=op.f("fk_task_restaurant_id_order_id_order"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_task_restaurant_id_id")),
    )
    _indexes()
    isolate("task", platform=PRUNERS)
    grant("task", dict.fromkeys((WEB, WORKER), "SELECT, INSERT, UPDATE"))
    grant("task", dict.fromkeys(PRUNERS, "SELECT, DELETE"))
    op.execute(
        "INSERT INTO task (id, restaurant_id, kind, status, customer_name, customer_phone_e164,"
        " call_id, order_id, due_at, created_by, created_at)"
        " SELECT gen_random_uuid(), restaurant_id, 'call_back', 'open', customer_name,"
        " customer_phone_e164, call_id, id, created_at, 'agent', created_at"
        ' FROM "order" WHERE call_back AND status IN'
        " ('placed', 'accepted', 'preparing', 'ready', 'out_for_delivery')"
        " AND service_date > current_date - 3"
    )


def _indexes() -> None:
    op.create_index(
        "ix_task_waiting",
        "task",
        ["restaurant_id", "due_at"],
        postgresql_where=sa.text("status IN ('open', 'taken')"),
    )
    op.create_index(
        op.f("ix_task_restaurant_id_task_created_at"), "task", ["restaurant_id", "created_at"]
    )
    op.create_index(
        op.f("ix_task_customer_phone_e164"),
        "task",
        ["customer_phone_e164"],
        postgresql_where=sa.text("customer_phone_e164 IS NOT NULL"),
    )
    op.create_index(
        "uq_task_call_back",
        "task",
        ["restaurant_id", "order_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'call_back'"),
    )


def downgrade() -> None:
    op.drop_table("task")
