"""Dates with hours of their own, and orders whose caller was not told whether they are placed.

`order.call_back` is false for the orders there are: their callers were told.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "order",
        sa.Column("call_back", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_table(
        "opening_exception",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("opens", sa.Time(), nullable=True),
        sa.Column("closes", sa.Time(), nullable=True),
        sa.CheckConstraint(
            "(opens IS NULL) = (closes IS NULL)", name=op.f("ck_opening_exception_hours")
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_opening_exception_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opening_exception")),
    )
    op.create_index(
        op.f("ix_opening_exception_restaurant_id_opening_exception_date"),
        "opening_exception",
        ["restaurant_id", "date"],
    )
    op.execute(
        "CREATE TRIGGER notify_restaurant_changed AFTER INSERT OR UPDATE OR DELETE"
        " ON opening_exception FOR EACH ROW EXECUTE FUNCTION notify_restaurant_changed()"
    )


def downgrade() -> None:
    op.drop_table("opening_exception")
    op.drop_column("order", "call_back")
