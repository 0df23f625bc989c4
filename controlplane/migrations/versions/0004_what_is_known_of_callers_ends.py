"""How long each restaurant keeps what is known of its callers, and indexes that find it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEPT = (("keep_transcripts_days", 90), ("keep_calls_months", 13), ("keep_voice_messages_days", 30))
PERSONAL = "customer_name IS NOT NULL OR customer_phone_e164 IS NOT NULL OR note <> ''"


def upgrade() -> None:
    for name, most in KEPT:
        op.add_column(
            "restaurant",
            sa.Column(name, sa.Integer(), server_default=sa.text(str(most)), nullable=False),
        )
        op.create_check_constraint(
            op.f(f"ck_restaurant_{name}"), "restaurant", f"{name} BETWEEN 1 AND {most}"
        )
    op.create_index(
        op.f("ix_call_turn_restaurant_id_call_turn_at"), "call_turn", ["restaurant_id", "at"]
    )
    op.create_index(
        op.f("ix_call_caller_number"),
        "call",
        ["caller_number"],
        postgresql_where=sa.text("caller_number IS NOT NULL"),
    )
    op.create_index(
        "ix_order_personal",
        "order",
        ["restaurant_id", "created_at"],
        postgresql_where=sa.text(PERSONAL),
    )
    op.create_index(
        op.f("ix_order_customer_phone_e164"),
        "order",
        ["customer_phone_e164"],
        postgresql_where=sa.text("customer_phone_e164 IS NOT NULL"),
    )


def downgrade() -> None:
    for index, table in (
        ("ix_order_customer_phone_e164", "order"),
        ("ix_order_personal", "order"),
        ("ix_call_caller_number", "call"),
        ("ix_call_turn_restaurant_id_call_turn_at", "call_turn"),
    ):
        op.drop_index(index, table_name=table)
    for name, _ in KEPT:
        op.drop_column("restaurant", name)
