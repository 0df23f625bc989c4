"""The platform's people have a back office, under a role of their own, and look at restaurants."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.roles import provide_roles
from controlplane.migrations.tenant_table import (
    grant,
    isolate,
    let_see_no_more,
    let_see_too,
    revoke,
)

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

PLATFORM = DatabaseRole.PLATFORM
OF_RESTAURANTS = (
    "restaurant",
    "sip_registration",
    "call",
    "usage_record",
    "subscription",
    "membership",
    "audit_log",
)
OF_THE_PLATFORM = (
    "sip_registration_event",
    "sip_bridge_node",
    "ai_worker_node",
    "carrier",
    "plan",
    "user_account",
)


def upgrade() -> None:
    provide_roles(op.get_bind(), [PLATFORM])
    op.create_table(
        "platform_member",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f("fk_platform_member_user_id_user_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_platform_member")),
    )
    grant("platform_member", {PLATFORM: "SELECT", DatabaseRole.ADMIN: "SELECT, INSERT, DELETE"})
    _views()
    for table in OF_RESTAURANTS:
        let_see_too(table, PLATFORM)
    for table in (*OF_RESTAURANTS, *OF_THE_PLATFORM):
        grant(table, {PLATFORM: "SELECT"})
    grant("audit_log", {PLATFORM: "INSERT"})


def _views() -> None:
    op.create_table(
        "platform_view",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_platform_view_reason")),
        sa.CheckConstraint("expires_at > created_at", name=op.f("ck_platform_view_expires_at")),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_platform_view_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f("fk_platform_view_user_id_user_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_platform_view")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_platform_view_restaurant_id_id")),
    )
    op.create_index(
        op.f("ix_platform_view_restaurant_id_user_id"),
        "platform_view",
        ["restaurant_id", "user_id"],
    )
    isolate("platform_view", platform=[PLATFORM, DatabaseRole.ADMIN])
    grant(
        "platform_view",
        {
            DatabaseRole.WEB: "SELECT",
            PLATFORM: "SELECT, INSERT, UPDATE",
            DatabaseRole.ADMIN: "SELECT",
        },
    )


def _created_at() -> sa.Column[datetime]:
    now = sa.text("now()")
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=now, nullable=False)


def downgrade() -> None:
    for table in (*OF_RESTAURANTS, *OF_THE_PLATFORM):
        revoke(table, [PLATFORM])
    for table in OF_RESTAURANTS:
        let_see_no_more(table, PLATFORM)
    op.drop_table("platform_view")
    op.drop_table("platform_member")
