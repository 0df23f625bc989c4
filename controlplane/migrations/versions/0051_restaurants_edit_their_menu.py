"""A restaurant edits and publishes its menu on the site, where dishes have photos.

A draft knows which dish is which, whatever it is called next.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate, revoke

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

WEB: Final = DatabaseRole.WEB
READ_ALREADY: Final = ("menu_category", "menu_item", "option", "menu_draft")
UNREAD: Final = (
    "option_group",
    "item_option_group",
    "ingredient",
    "item_ingredient",
    "availability_window",
)
UPDATED: Final = (
    "menu_category",
    "menu_item",
    "option",
    "menu_draft",
    "option_group",
    "ingredient",
)


def upgrade() -> None:
    for table in (*READ_ALREADY, *UNREAD):
        grant(table, {WEB: "SELECT, INSERT, DELETE"})
    for table in UPDATED:
        grant(table, {WEB: "UPDATE"})
    grant("menu_version", {WEB: "SELECT, INSERT"})
    op.add_column(
        "menu_draft",
        sa.Column("dish_ids", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
    )
    _make_photos()


def _make_photos() -> None:
    op.create_table(
        "menu_photo",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("large", sa.LargeBinary(), nullable=False),
        sa.Column("small", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("octet_length(large) <= 2000000", name=op.f("ck_menu_photo_large")),
        sa.CheckConstraint("octet_length(small) <= 200000", name=op.f("ck_menu_photo_small")),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "item_id"],
            ["menu_item.restaurant_id", "menu_item.id"],
            name=op.f("fk_menu_photo_restaurant_id_item_id_menu_item"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_menu_photo")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_menu_photo_restaurant_id_id")),
        sa.UniqueConstraint(
            "restaurant_id", "item_id", name=op.f("uq_menu_photo_restaurant_id_item_id")
        ),
    )
    isolate("menu_photo", platform=[DatabaseRole.ADMIN])
    grant("menu_photo", {WEB: "SELECT, INSERT, DELETE", DatabaseRole.ADMIN: "SELECT"})


def downgrade() -> None:
    op.drop_table("menu_photo")
    op.drop_column("menu_draft", "dish_ids")
    for table in (*READ_ALREADY, *UNREAD, "menu_version"):
        revoke(table, [WEB])
    for table in READ_ALREADY:
        grant(table, {WEB: "SELECT"})
