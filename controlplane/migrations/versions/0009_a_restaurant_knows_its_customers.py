"""Customers, found by their number at one restaurant, and what they allowed it."""

import sqlalchemy as sa
from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NOW = sa.text("now()")

WORKER, CONTROLLER, ADMIN = DatabaseRole.WORKER, DatabaseRole.CONTROLLER, DatabaseRole.ADMIN


def upgrade() -> None:
    op.create_table(
        "customer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("phone_e164", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), server_default=sa.text("'fr'"), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.CheckConstraint(
            r"phone_e164 ~ '^\+[1-9][0-9]{6,14}$'", name=op.f("ck_customer_phone_e164")
        ),
        sa.CheckConstraint("language ~ '^[a-z]{2}$'", name=op.f("ck_customer_language")),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_customer_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_customer_restaurant_id_id")),
        sa.UniqueConstraint(
            "restaurant_id", "phone_e164", name=op.f("uq_customer_restaurant_id_phone_e164")
        ),
    )
    op.create_index(
        op.f("ix_customer_restaurant_id_customer_seen_at"), "customer", ["restaurant_id", "seen_at"]
    )
    op.create_table(
        "consent",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "purpose IN ('offers', 'memory', 'recording')", name=op.f("ck_consent_purpose")
        ),
        sa.CheckConstraint(
            "state IN ('granted', 'refused', 'withdrawn')", name=op.f("ck_consent_state")
        ),
        sa.CheckConstraint("source IN ('call', 'web', 'staff')", name=op.f("ck_consent_source")),
        sa.CheckConstraint("evidence <> ''", name=op.f("ck_consent_evidence")),
        sa.CheckConstraint(
            "(state = 'withdrawn') = (withdrawn_at IS NOT NULL)",
            name=op.f("ck_consent_withdrawn_at"),
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "customer_id"],
            ["customer.restaurant_id", "customer.id"],
            name=op.f("fk_consent_restaurant_id_customer_id_customer"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_consent_restaurant_id_id")),
    )
    op.create_index(
        op.f("ix_consent_restaurant_id_consent_customer_id"),
        "consent",
        ["restaurant_id", "customer_id"],
    )
    op.create_index(
        "uq_consent_in_force",
        "consent",
        ["restaurant_id", "customer_id", "purpose"],
        unique=True,
        postgresql_where=sa.text("state = 'granted'"),
    )
    isolate("customer", platform=[CONTROLLER, ADMIN])
    grant("customer", {WORKER: "SELECT, INSERT, UPDATE"})
    grant("customer", {CONTROLLER: "SELECT, DELETE", ADMIN: "SELECT, DELETE"})
    isolate("consent", platform=[ADMIN])
    grant("consent", {ADMIN: "SELECT"})


def downgrade() -> None:
    op.drop_table("consent")
    op.drop_table("customer")
