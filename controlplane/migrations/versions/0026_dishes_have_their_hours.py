"""A dish or a category may be had in some windows of the week only."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

OWNERS = {"category_id": "menu_category", "item_id": "menu_item"}


def upgrade() -> None:
    op.create_table(
        "availability_window",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=True),
        sa.Column("item_id", sa.Uuid(), nullable=True),
        sa.Column("weekdays", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("opens", sa.Time(), nullable=False),
        sa.Column("closes", sa.Time(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(category_id, item_id) = 1", name=op.f("ck_availability_window_of_one")
        ),
        sa.CheckConstraint(
            "weekdays <@ ARRAY[0, 1, 2, 3, 4, 5, 6] AND weekdays <> '{}'",
            name=op.f("ck_availability_window_weekdays"),
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_availability_window_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        *(
            sa.ForeignKeyConstraint(
                ["restaurant_id", column],
                [f"{owner}.restaurant_id", f"{owner}.id"],
                name=op.f(f"fk_availability_window_restaurant_id_{column}_{owner}"),
                ondelete="CASCADE",
            )
            for column, owner in OWNERS.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_availability_window")),
        sa.UniqueConstraint(
            "restaurant_id", "id", name=op.f("uq_availability_window_restaurant_id_id")
        ),
    )
    for column in OWNERS:
        op.create_index(
            op.f(f"ix_availability_window_restaurant_id_{column}"),
            "availability_window",
            ["restaurant_id", column],
        )
    isolate("availability_window", platform=[DatabaseRole.ADMIN])
    grant(
        "availability_window",
        {DatabaseRole.WORKER: "SELECT", DatabaseRole.ADMIN: "SELECT, INSERT, UPDATE, DELETE"},
    )
    op.execute(
        "CREATE TRIGGER notify_restaurant_changed AFTER INSERT OR UPDATE OR DELETE"
        " ON availability_window FOR EACH ROW EXECUTE FUNCTION notify_restaurant_changed()"
    )


def downgrade() -> None:
    op.drop_table("availability_window")
