"""Delivery zones, each with its fee, its minimum and how long the way takes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

CHECKS = {
    "kind": "kind IN ('polygon', 'circle', 'postcodes')",
    "shape": (
        "(kind = 'polygon') = (outline IS NOT NULL)"
        " AND (kind = 'postcodes') = (postcodes IS NOT NULL)"
        " AND (kind = 'circle') = (latitude IS NOT NULL)"
        " AND (latitude IS NULL) = (longitude IS NULL)"
        " AND (latitude IS NULL) = (radius_m IS NULL)"
    ),
    "radius_m": "radius_m BETWEEN 50 AND 100000",
    "latitude": "latitude BETWEEN -90 AND 90",
    "longitude": "longitude BETWEEN -180 AND 180",
    "fee_cents": "fee_cents >= 0",
    "minimum_cents": "minimum_cents >= 0",
    "delay_minutes": "delay_minutes BETWEEN 0 AND 240",
}


def upgrade() -> None:
    op.create_table(
        "delivery_zone",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("outline", JSONB(), nullable=True),
        sa.Column("latitude", sa.Float(53), nullable=True),
        sa.Column("longitude", sa.Float(53), nullable=True),
        sa.Column("radius_m", sa.Integer(), nullable=True),
        sa.Column("postcodes", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("fee_cents", sa.Integer(), nullable=False),
        sa.Column("minimum_cents", sa.Integer(), nullable=False),
        sa.Column("delay_minutes", sa.Integer(), nullable=False),
        *(
            sa.CheckConstraint(rule, name=op.f(f"ck_delivery_zone_{name}"))
            for name, rule in CHECKS.items()
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_delivery_zone_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_zone")),
        *(
            sa.UniqueConstraint(
                "restaurant_id", column, name=op.f(f"uq_delivery_zone_restaurant_id_{column}")
            )
            for column in ("id", "name", "position")
        ),
    )
    isolate("delivery_zone", platform=[DatabaseRole.ADMIN])
    grant(
        "delivery_zone",
        {
            DatabaseRole.WEB: "SELECT, INSERT, UPDATE, DELETE",
            DatabaseRole.WORKER: "SELECT",
            DatabaseRole.ADMIN: "SELECT, INSERT, UPDATE, DELETE",
        },
    )


def downgrade() -> None:
    op.drop_table("delivery_zone")
