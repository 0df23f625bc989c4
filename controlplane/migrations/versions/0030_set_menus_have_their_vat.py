"""Groups have free choices and options taken by default; a set menu is made of dishes, whose prices
divide its VAT."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    no = sa.text("false")
    op.add_column(
        "option_group",
        sa.Column("free_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_option_group_free_count"), "option_group", "free_count BETWEEN 0 AND max_select"
    )
    op.add_column(
        "option", sa.Column("by_default", sa.Boolean(), server_default=no, nullable=False)
    )
    op.add_column("option", sa.Column("item_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_option_restaurant_id_item_id_menu_item"),
        "option",
        "menu_item",
        ["restaurant_id", "item_id"],
        ["restaurant_id", "id"],
        ondelete="CASCADE",
    )
    op.create_index(op.f("ix_option_restaurant_id_item_id"), "option", ["restaurant_id", "item_id"])
    op.add_column(
        "menu_item", sa.Column("set_menu", sa.Boolean(), server_default=no, nullable=False)
    )
    op.add_column("order_line", sa.Column("vat_parts", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("order_line", "vat_parts")
    op.drop_column("menu_item", "set_menu")
    op.drop_index(op.f("ix_option_restaurant_id_item_id"), "option")
    op.drop_column("option", "item_id")
    op.drop_column("option", "by_default")
    op.drop_constraint(op.f("ck_option_group_free_count"), "option_group")
    op.drop_column("option_group", "free_count")
