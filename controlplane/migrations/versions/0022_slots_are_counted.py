"""Pacing rules, a counter for each of their slots, and what each holder took of it."""

import sqlalchemy as sa
from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

KINDS = "'on_site', 'pickup', 'delivery', 'reservation', 'ai_answering'"
WEB, WORKER = DatabaseRole.WEB, DatabaseRole.WORKER
TAKE = "SELECT, INSERT, UPDATE, DELETE"


def upgrade() -> None:
    op.create_table(
        "pacing_rule",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("kinds", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("slot_minutes", sa.Integer(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "slot_minutes IN (5, 10, 15, 20, 30, 60)", name=op.f("ck_pacing_rule_slot_minutes")
        ),
        sa.CheckConstraint(
            "unit IN ('orders', 'items', 'covers', 'cents')", name=op.f("ck_pacing_rule_unit")
        ),
        sa.CheckConstraint("most > 0", name=op.f("ck_pacing_rule_most")),
        sa.CheckConstraint(
            f"kinds <@ ARRAY[{KINDS}] AND kinds <> '{{}}'", name=op.f("ck_pacing_rule_kinds")
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_pacing_rule_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pacing_rule")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_pacing_rule_restaurant_id_id")),
    )
    op.create_table(
        "slot_counter",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("pacing_rule_id", sa.Uuid(), nullable=False),
        sa.Column("slot_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.CheckConstraint("used >= 0", name=op.f("ck_slot_counter_used")),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "pacing_rule_id"],
            ["pacing_rule.restaurant_id", "pacing_rule.id"],
            name=op.f("fk_slot_counter_restaurant_id_pacing_rule_id_pacing_rule"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "restaurant_id", "pacing_rule_id", "slot_start", name=op.f("pk_slot_counter")
        ),
    )
    op.create_table(
        "slot_use",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("pacing_rule_id", sa.Uuid(), nullable=False),
        sa.Column("slot_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_slot_use_amount")),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "pacing_rule_id", "slot_start"],
            [
                "slot_counter.restaurant_id",
                "slot_counter.pacing_rule_id",
                "slot_counter.slot_start",
            ],
            name=op.f("fk_slot_use_restaurant_id_pacing_rule_id_slot_start_slot_counter"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "restaurant_id", "holder_id", "pacing_rule_id", name=op.f("pk_slot_use")
        ),
    )
    for table in ("pacing_rule", "slot_counter", "slot_use"):
        isolate(table)
    grant("pacing_rule", {WEB: "SELECT", WORKER: "SELECT"})
    for table in ("slot_counter", "slot_use"):
        grant(table, {WEB: TAKE, WORKER: TAKE})


def downgrade() -> None:
    for table in ("slot_use", "slot_counter", "pacing_rule"):
        op.drop_table(table)
