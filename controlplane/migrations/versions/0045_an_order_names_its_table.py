"""An order that is eaten there may name the table it is for."""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("order", sa.Column("table_name", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_order_table_name"),
        "order",
        "table_name IS NULL OR (order_type = 'on_site' AND table_name <> '')",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_order_table_name"), "order")
    op.drop_column("order", "table_name")
