"""What customers and restaurants' people are told by SMS or e-mail, and the role that sends it."""

import sqlalchemy as sa
from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.roles import provide_roles
from controlplane.migrations.tenant_table import grant, isolate, revoke

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

NOTIFIER = DatabaseRole.NOTIFIER
STATES = "'pending', 'sent', 'failed', 'suppressed'"
READS = (
    "restaurant",
    "order",
    "reservation",
    "customer",
    "consent",
    "suppression",
    "hash_key",
)
"""The notifier words a message by these, in a session of the one restaurant."""


def upgrade() -> None:
    provide_roles(op.get_bind(), [NOTIFIER])
    op.create_table(
        "notification",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=True),
        sa.Column("about_id", sa.Uuid(), nullable=True),
        sa.Column("subject", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("body", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("channel IN ('sms', 'email')", name=op.f("ck_notification_channel")),
        sa.CheckConstraint(f"state IN ({STATES})", name=op.f("ck_notification_state")),
        sa.CheckConstraint("kind ~ '^[a-z_]{1,40}$'", name=op.f("ck_notification_kind")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_notification_attempts")),
        sa.CheckConstraint(
            "(state = 'pending') = (settled_at IS NULL)", name=op.f("ck_notification_settled_at")
        ),
        sa.CheckConstraint(
            "state = 'suppressed' OR recipient IS NOT NULL", name=op.f("ck_notification_recipient")
        ),
        sa.CheckConstraint(
            "state = 'pending' OR (subject = '' AND body = '')", name=op.f("ck_notification_words")
        ),
        sa.CheckConstraint(
            "(state IN ('failed', 'suppressed')) = (reason IS NOT NULL)",
            name=op.f("ck_notification_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_notification_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_notification_restaurant_id_id")),
        sa.UniqueConstraint("restaurant_id", "key", name=op.f("uq_notification_restaurant_id_key")),
    )
    op.create_index(
        op.f("ix_notification_restaurant_id_notification_created_at"),
        "notification",
        ["restaurant_id", "created_at"],
    )
    op.create_index(
        op.f("ix_notification_restaurant_id_notification_recipient"),
        "notification",
        ["restaurant_id", "recipient"],
    )
    op.create_index(
        "ix_notification_due",
        "notification",
        ["next_attempt_at"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    isolate("notification", platform=[NOTIFIER, DatabaseRole.CONTROLLER, DatabaseRole.ADMIN])
    grant(
        "notification",
        {
            DatabaseRole.WEB: "SELECT, INSERT",
            DatabaseRole.WORKER: "SELECT, INSERT",
            NOTIFIER: "SELECT, INSERT, UPDATE",
            DatabaseRole.CONTROLLER: "SELECT, DELETE",
            DatabaseRole.ADMIN: "SELECT, DELETE",
        },
    )
    for table in READS:
        grant(table, {NOTIFIER: "SELECT"})


def downgrade() -> None:
    for table in READS:
        revoke(table, [NOTIFIER])
    op.drop_table("notification")
