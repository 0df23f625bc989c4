"""A kitchen works on its page: lines crossed off, tickets printed, small orders accepted by
themselves, ages of dishes.
"""

import sqlalchemy as sa
from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

WEB, WORKER, ADMIN = DatabaseRole.WEB, DatabaseRole.WORKER, DatabaseRole.ADMIN
OF_ORDERS = ("crossed_line", "ticket_copy")
SETTINGS = ("kitchen_settings", "dish_age")


def upgrade() -> None:
    _of_orders()
    _settings()
    grant("crossed_line", {WEB: "SELECT, INSERT, DELETE", ADMIN: "SELECT"})
    grant("ticket_copy", {WEB: "SELECT, INSERT", ADMIN: "SELECT"})
    grant("kitchen_settings", {WEB: "SELECT, INSERT, UPDATE", WORKER: "SELECT", ADMIN: "SELECT"})
    grant("dish_age", {WEB: "SELECT, INSERT, UPDATE", ADMIN: "SELECT"})
    grant("event_outbox", {ADMIN: "INSERT"})


def downgrade() -> None:
    op.execute(f"REVOKE INSERT ON event_outbox FROM {ADMIN}")
    for table in (*SETTINGS, *OF_ORDERS):
        op.drop_table(table)


def _of_orders() -> None:
    for table, columns, when in (
        ("crossed_line", ("line_id", "part_id"), "crossed_at"),
        ("ticket_copy", (), "printed_at"),
    ):
        op.create_table(
            table,
            sa.Column("id", sa.Uuid(), nullable=False),
            sa.Column("restaurant_id", sa.Uuid(), nullable=False),
            sa.Column("order_id", sa.Uuid(), nullable=False),
            *(sa.Column(column, sa.Uuid(), nullable=False) for column in columns),
            sa.Column(
                when, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
            ),
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
            sa.UniqueConstraint("restaurant_id", "id", name=op.f(f"uq_{table}_restaurant_id_id")),
            sa.ForeignKeyConstraint(
                ["restaurant_id", "order_id"],
                ["order.restaurant_id", "order.id"],
                name=op.f(f"fk_{table}_restaurant_id_order_id_order"),
                ondelete="CASCADE",
            ),
        )
        op.create_index(
            op.f(f"ix_{table}_restaurant_id_{table}_order_id"), table, ["restaurant_id", "order_id"]
        )
        isolate(table, platform=[ADMIN])
    op.create_unique_constraint(
        op.f("uq_crossed_line_restaurant_id_line_id_part_id"),
        "crossed_line",
        ["restaurant_id", "line_id", "part_id"],
    )


def _settings() -> None:
    op.create_table(
        "kitchen_settings",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("auto_accept", sa.Boolean(), nullable=False),
        sa.Column("most_cents", sa.Integer(), nullable=False),
        sa.Column("most_dishes", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "most_cents BETWEEN 1 AND 100000", name=op.f("ck_kitchen_settings_most_cents")
        ),
        sa.CheckConstraint(
            "most_dishes BETWEEN 1 AND 99", name=op.f("ck_kitchen_settings_most_dishes")
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_kitchen_settings_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("restaurant_id", name=op.f("pk_kitchen_settings")),
    )
    op.create_table(
        "dish_age",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=False),
        sa.Column("amber_minutes", sa.Integer(), nullable=False),
        sa.Column("red_minutes", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "amber_minutes BETWEEN 1 AND red_minutes AND red_minutes <= 240",
            name=op.f("ck_dish_age_minutes"),
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "category_id"],
            ["menu_category.restaurant_id", "menu_category.id"],
            name=op.f("fk_dish_age_restaurant_id_category_id_menu_category"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dish_age")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_dish_age_restaurant_id_id")),
        sa.UniqueConstraint(
            "restaurant_id", "category_id", name=op.f("uq_dish_age_restaurant_id_category_id")
        ),
    )
    for table in SETTINGS:
        isolate(table, platform=[ADMIN])
