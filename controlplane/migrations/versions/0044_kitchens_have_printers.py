"""Printers that poll us, and the tickets they are to print."""

import sqlalchemy as sa
from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

WEB, WORKER = DatabaseRole.WEB, DatabaseRole.WORKER
CONTROLLER, ADMIN = DatabaseRole.CONTROLLER, DatabaseRole.ADMIN


def upgrade() -> None:
    op.create_table(
        "printer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("protocol", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("polled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ready", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("name <> ''", name=op.f("ck_printer_name")),
        sa.CheckConstraint("protocol IN ('star', 'epson')", name=op.f("ck_printer_protocol")),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_printer_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_printer")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_printer_restaurant_id_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_printer_token_hash")),
    )
    op.create_table(
        "print_job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("printer_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("copy", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'queued'"), nullable=False),
        sa.Column("fetches", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'fetched', 'printed', 'dropped')", name=op.f("ck_print_job_state")
        ),
        sa.CheckConstraint("copy > 0", name=op.f("ck_print_job_copy")),
        sa.CheckConstraint("fetches >= 0", name=op.f("ck_print_job_fetches")),
        sa.CheckConstraint(
            "(state IN ('printed', 'dropped')) = (settled_at IS NOT NULL)",
            name=op.f("ck_print_job_settled_at"),
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "printer_id"],
            ["printer.restaurant_id", "printer.id"],
            name=op.f("fk_print_job_restaurant_id_printer_id_printer"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "order_id"],
            ["order.restaurant_id", "order.id"],
            name=op.f("fk_print_job_restaurant_id_order_id_order"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_print_job")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_print_job_restaurant_id_id")),
        sa.UniqueConstraint(
            "restaurant_id",
            "printer_id",
            "order_id",
            "copy",
            name=op.f("uq_print_job_restaurant_id_printer_id_order_id_copy"),
        ),
    )
    op.create_index(
        op.f("ix_print_job_restaurant_id_print_job_order_id"),
        "print_job",
        ["restaurant_id", "order_id"],
    )
    op.create_index(
        "ix_print_job_open",
        "print_job",
        ["restaurant_id", "printer_id"],
        postgresql_where=sa.text("state IN ('queued', 'fetched')"),
    )
    op.create_index(op.f("ix_print_job_created_at"), "print_job", ["created_at"])
    for table in ("printer", "print_job"):
        isolate(table, platform=[CONTROLLER, ADMIN] if table == "print_job" else [ADMIN])
    grant("printer", {WEB: "SELECT, INSERT, UPDATE", WORKER: "SELECT", ADMIN: "SELECT"})
    grant(
        "print_job",
        {
            WEB: "SELECT, INSERT, UPDATE",
            WORKER: "SELECT, INSERT",
            CONTROLLER: "SELECT, DELETE",
            ADMIN: "SELECT",
        },
    )


def downgrade() -> None:
    op.drop_table("print_job")
    op.drop_table("printer")
