"""What stays of who was erased: a keyed hash, and a certificate of what a search found."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate, revoke

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ADMIN = DatabaseRole.ADMIN
SEARCHED = ("event_outbox", "opening_exception", "order_event")
"""An admin who erases searches these too."""


def upgrade() -> None:
    op.create_table(
        "hash_key",
        _restaurant("hash_key"),
        sa.Column("key_encrypted", sa.Text(), nullable=False),
        _instant("created_at"),
        sa.PrimaryKeyConstraint("restaurant_id", name=op.f("pk_hash_key")),
    )
    op.create_table(
        "suppression",
        _restaurant("suppression"),
        sa.Column("phone_hash", sa.Text(), nullable=False),
        _instant("at"),
        sa.PrimaryKeyConstraint("restaurant_id", "phone_hash", name=op.f("pk_suppression")),
    )
    op.create_table(
        "erasure_certificate",
        sa.Column("id", sa.Uuid(), nullable=False),
        _restaurant("erasure_certificate"),
        sa.Column("phone_hash", sa.Text(), nullable=False),
        sa.Column("columns_searched", sa.Integer(), nullable=False),
        sa.Column("columns_unreadable", sa.Integer(), nullable=False),
        sa.Column("names_searched", sa.Integer(), nullable=False),
        sa.Column("found", postgresql.JSONB(), nullable=False),
        _instant("at"),
        sa.CheckConstraint(
            "columns_searched > 0", name=op.f("ck_erasure_certificate_columns_searched")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure_certificate")),
        sa.UniqueConstraint(
            "restaurant_id", "id", name=op.f("uq_erasure_certificate_restaurant_id_id")
        ),
    )
    op.create_index(
        "ix_erasure_certificate_phone_hash",
        "erasure_certificate",
        ["restaurant_id", "phone_hash"],
    )
    for table, privileges in (
        ("hash_key", "SELECT, INSERT, UPDATE"),
        ("suppression", "SELECT, INSERT"),
        ("erasure_certificate", "SELECT, INSERT"),
    ):
        isolate(table, platform=[ADMIN])
        grant(table, {ADMIN: privileges})
    for table in SEARCHED:
        grant(table, {ADMIN: "SELECT"})


def downgrade() -> None:
    for table in SEARCHED:
        revoke(table, [ADMIN])
    for table in ("erasure_certificate", "suppression", "hash_key"):
        op.drop_table(table)


def _restaurant(table: str) -> sa.Column[object]:
    return sa.Column(
        "restaurant_id",
        sa.Uuid(),
        sa.ForeignKey(
            "restaurant.id", name=op.f(f"fk_{table}_restaurant_id_restaurant"), ondelete="CASCADE"
        ),
        nullable=False,
    )


def _instant(name: str) -> sa.Column[object]:
    return sa.Column(
        name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
    )
