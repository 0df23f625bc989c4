"""Dishes say their allergens, alcohol, station and portions; ingredients take dishes with them."""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate, run_as_owner

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ALLERGENS: Final = (
    "gluten crustaceans eggs fish peanuts soybeans milk nuts celery mustard sesame sulphites lupin "
    "molluscs"
).split()
NEW: Final = ("ingredient", "item_ingredient")


def upgrade() -> None:
    _add_columns()
    _make_tables()
    for table in NEW:
        isolate(table, platform=[DatabaseRole.ADMIN])
        grant(
            table,
            {
                DatabaseRole.WORKER: "SELECT",
                DatabaseRole.ADMIN: "SELECT, INSERT, UPDATE, DELETE",
            },
        )
        op.execute(
            f"CREATE TRIGGER notify_restaurant_changed AFTER INSERT OR UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION notify_restaurant_changed()"
        )
    _count_portions()


def _add_columns() -> None:
    op.add_column("menu_item", sa.Column("portions_left", sa.Integer(), nullable=True))
    op.add_column("menu_item", sa.Column("allergens", postgresql.ARRAY(sa.Text()), nullable=True))
    op.add_column(
        "menu_item",
        sa.Column("alcohol", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column(
        "menu_item", sa.Column("station", sa.Text(), server_default=sa.text("''"), nullable=False)
    )
    checks = {
        "alcohol": "NOT alcohol OR vat_rate_bp IN (850, 2000)",
        "portions_left": "portions_left >= 0",
        "allergens": f"allergens <@ ARRAY[{', '.join(map(repr, ALLERGENS))}]",
    }
    for name, rule in checks.items():
        op.create_check_constraint(op.f(f"ck_menu_item_{name}"), "menu_item", rule)


def _make_tables() -> None:
    op.create_table(
        "ingredient",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sold_out_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_ingredient_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ingredient")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_ingredient_restaurant_id_id")),
        sa.UniqueConstraint("restaurant_id", "name", name=op.f("uq_ingredient_restaurant_id_name")),
    )
    op.create_table(
        "item_ingredient",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("ingredient_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "item_id"],
            ["menu_item.restaurant_id", "menu_item.id"],
            name=op.f("fk_item_ingredient_restaurant_id_item_id_menu_item"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "ingredient_id"],
            ["ingredient.restaurant_id", "ingredient.id"],
            name=op.f("fk_item_ingredient_restaurant_id_ingredient_id_ingredient"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "restaurant_id", "item_id", "ingredient_id", name=op.f("pk_item_ingredient")
        ),
    )
    op.create_index(
        op.f("ix_item_ingredient_restaurant_id_ingredient_id"),
        "item_ingredient",
        ["restaurant_id", "ingredient_id"],
    )


def _count_portions() -> None:
    """An order takes its portions in its own transaction, whoever writes its lines. It is not
    refused here: an order that its caller was told is placed stays placed.
    """
    op.execute(
        """
CREATE FUNCTION take_portions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE menu_item SET portions_left = greatest(portions_left - NEW.quantity, 0)
    WHERE restaurant_id = NEW.restaurant_id AND id = NEW.menu_item_id AND portions_left > 0;
    RETURN NULL;
END
$$
"""
    )
    run_as_owner("take_portions")
    op.execute(
        "CREATE TRIGGER take_portions AFTER INSERT ON order_line"
        " FOR EACH ROW EXECUTE FUNCTION take_portions()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER take_portions ON order_line")
    op.execute("DROP FUNCTION take_portions()")
    for table in reversed(NEW):
        op.drop_table(table)
    for name in ("portions_left", "allergens", "alcohol", "station"):
        op.drop_column("menu_item", name)
