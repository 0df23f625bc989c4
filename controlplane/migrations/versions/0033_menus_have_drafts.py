"""A menu is worked on as a draft; an order names the version that its prices were held against."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate, revoke, run_as_owner

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

NEWEST = "(SELECT max(number) FROM menu_version WHERE restaurant_id = NEW.restaurant_id)"


def upgrade() -> None:
    op.create_table(
        "menu_draft",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.Column("begun_from", postgresql.JSONB(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "begun_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_menu_draft_revision")),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_menu_draft_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("restaurant_id", name=op.f("pk_menu_draft")),
    )
    isolate("menu_draft", platform=[DatabaseRole.ADMIN])
    grant("menu_draft", {DatabaseRole.ADMIN: "SELECT, INSERT, UPDATE, DELETE"})
    grant("menu_version", {DatabaseRole.WORKER: "SELECT"})
    _name_menu(f"coalesce(NEW.menu_version, {NEWEST})")


def _name_menu(number: str) -> None:
    op.execute(
        f"""
CREATE OR REPLACE FUNCTION order_names_its_menu() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.menu_version := {number};
    RETURN NEW;
END
$$
"""
    )
    run_as_owner("order_names_its_menu")


def downgrade() -> None:
    _name_menu(NEWEST)
    revoke("menu_version", [DatabaseRole.WORKER])
    op.drop_table("menu_draft")
