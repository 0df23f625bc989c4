"""Restaurants read their calls, say what was wrong in them, and see them as they are spoken."""

import sqlalchemy as sa
from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

READ_BY_THE_SITE = ("transfer_target", "usage_record")
OF_A_CALL = ("order", "reservation")


def upgrade() -> None:
    op.add_column("call_turn", sa.Column("unheard", sa.Text(), nullable=True))
    op.add_column("call_turn", sa.Column("told", sa.Text(), nullable=True))
    op.create_table(
        "call_case",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("turn_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("better", sa.Text(), nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reported_by", sa.Text(), nullable=False),
        sa.Column(
            "reported_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.CheckConstraint(
            "kind IN ('dish', 'price', 'time', 'misheard', 'no_human', 'tone', 'other')",
            name=op.f("ck_call_case_kind"),
        ),
        sa.CheckConstraint("char_length(better) <= 500", name=op.f("ck_call_case_better")),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "call_id"],
            ["call.restaurant_id", "call.id"],
            name=op.f("fk_call_case_restaurant_id_call"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_case")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_call_case_restaurant_id_id")),
        sa.UniqueConstraint(
            "restaurant_id",
            "call_id",
            "turn_id",
            "kind",
            name="uq_call_case_fault",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(
        op.f("ix_call_case_restaurant_id_call_case_called_at"),
        "call_case",
        ["restaurant_id", "called_at"],
    )
    for table in OF_A_CALL:
        op.create_index(
            op.f(f"ix_{table}_restaurant_id_{table}_call_id"),
            table,
            ["restaurant_id", "call_id"],
            postgresql_where=sa.text("call_id IS NOT NULL"),
        )
    isolate("call_case", platform=[DatabaseRole.CONTROLLER, DatabaseRole.ADMIN])
    grant(
        "call_case",
        {
            DatabaseRole.WEB: "SELECT, INSERT, UPDATE",
            DatabaseRole.CONTROLLER: "SELECT, DELETE",
            DatabaseRole.ADMIN: "SELECT, DELETE",
        },
    )
    for table in READ_BY_THE_SITE:
        grant(table, {DatabaseRole.WEB: "SELECT"})
    grant("event_outbox", {DatabaseRole.CONTROLLER: "INSERT"})


def downgrade() -> None:
    op.execute(f"REVOKE INSERT ON event_outbox FROM {DatabaseRole.CONTROLLER}")
    for table in READ_BY_THE_SITE:
        op.execute(f"REVOKE SELECT ON {table} FROM {DatabaseRole.WEB}")
    for table in OF_A_CALL:
        op.drop_index(op.f(f"ix_{table}_restaurant_id_{table}_call_id"), table_name=table)
    op.drop_table("call_case")
    op.drop_column("call_turn", "told")
    op.drop_column("call_turn", "unheard")
