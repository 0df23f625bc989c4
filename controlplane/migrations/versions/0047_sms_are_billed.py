"""SMS are counted in parts, and calls and SMS say whether their usage is written.

What was rated before is not marked: the first turn finds it so, a batch at a time, and marks it.
What was sent before has no parts, for its words are gone: nobody is billed by a guess.
"""

import sqlalchemy as sa
from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, revoke

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

RATED = ("call", "notification")
RATES = (DatabaseRole.CONTROLLER, DatabaseRole.ADMIN)


def upgrade() -> None:
    for table in RATED:
        op.add_column(
            table,
            sa.Column("rated", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        )
    op.add_column("notification", sa.Column("sms_parts", sa.Integer(), nullable=True))
    op.create_check_constraint(
        op.f("ck_notification_sms_parts"),
        "notification",
        "sms_parts IS NULL OR (channel = 'sms' AND state = 'sent' AND sms_parts >= 1)",
    )
    op.create_index(
        "ix_call_unrated",
        "call",
        ["restaurant_id", "started_at"],
        postgresql_where=sa.text("NOT rated AND duration_ms > 0 AND time_to_agent_ms IS NOT NULL"),
    )
    op.create_index(
        "ix_notification_unrated",
        "notification",
        ["restaurant_id", "settled_at"],
        postgresql_where=sa.text("NOT rated AND sms_parts IS NOT NULL"),
    )
    grant("notification", dict.fromkeys(RATES, "UPDATE"))


def downgrade() -> None:
    revoke("notification", RATES)
    grant("notification", dict.fromkeys(RATES, "SELECT, DELETE"))
    op.drop_index("ix_notification_unrated", "notification")
    op.drop_index("ix_call_unrated", "call")
    op.drop_constraint(op.f("ck_notification_sms_parts"), "notification")
    op.drop_column("notification", "sms_parts")
    for table in RATED:
        op.drop_column(table, "rated")
