"""How long an order takes hangs on what the kitchen has to make; dishes have kitchen points."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

CHECKS = {
    "most_preparation_minutes": "most_preparation_minutes BETWEEN preparation_minutes AND 240",
    "seconds_per_unit": "seconds_per_unit BETWEEN 0 AND 3600",
    "kitchen_unit": "kitchen_unit IN ('points', 'orders')",
}


def upgrade() -> None:
    for name, default in (("most_preparation_minutes", "240"), ("seconds_per_unit", "0")):
        op.add_column(
            "restaurant",
            sa.Column(name, sa.Integer(), server_default=sa.text(default), nullable=False),
        )
    op.add_column(
        "restaurant",
        sa.Column("kitchen_unit", sa.Text(), server_default=sa.text("'points'"), nullable=False),
    )
    for name, rule in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_restaurant_{name}"), "restaurant", rule)
    for table in ("menu_item", "order_line"):
        op.add_column(
            table,
            sa.Column("kitchen_points", sa.Integer(), server_default=sa.text("1"), nullable=False),
        )
        op.create_check_constraint(
            op.f(f"ck_{table}_kitchen_points"), table, "kitchen_points BETWEEN 0 AND 99"
        )


def downgrade() -> None:
    for table in ("order_line", "menu_item"):
        op.drop_column(table, "kitchen_points")
    for name in CHECKS:
        op.drop_constraint(op.f(f"ck_restaurant_{name}"), "restaurant")
    for name in ("kitchen_unit", "seconds_per_unit", "most_preparation_minutes"):
        op.drop_column("restaurant", name)
