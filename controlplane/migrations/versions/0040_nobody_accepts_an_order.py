"""Whom a restaurant wants told of an order that nobody accepts."""

import sqlalchemy as sa
from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "escalation_step",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("after_seconds", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "after_seconds BETWEEN 30 AND 3600", name=op.f("ck_escalation_step_after_seconds")
        ),
        sa.CheckConstraint("channel IN ('sms', 'email')", name=op.f("ck_escalation_step_channel")),
        sa.CheckConstraint("recipient <> ''", name=op.f("ck_escalation_step_recipient")),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_escalation_step_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_escalation_step")),
        sa.UniqueConstraint(
            "restaurant_id", "id", name=op.f("uq_escalation_step_restaurant_id_id")
        ),
        sa.UniqueConstraint(
            "restaurant_id",
            "after_seconds",
            "channel",
            "recipient",
            name=op.f("uq_escalation_step_restaurant_id_after_seconds_channel_recipient"),
        ),
    )
    isolate("escalation_step", platform=[DatabaseRole.ADMIN])
    grant(
        "escalation_step",
        {
            DatabaseRole.WEB: "SELECT, INSERT, DELETE",
            DatabaseRole.WORKER: "SELECT",
            DatabaseRole.ADMIN: "SELECT",
        },
    )


def downgrade() -> None:
    op.drop_table("escalation_step")
