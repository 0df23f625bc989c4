"""Published menus are kept as versions that never change; each order names the newest of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate, run_as_owner

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "menu_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("number >= 1", name=op.f("ck_menu_version_number")),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_menu_version_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_menu_version")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_menu_version_restaurant_id_id")),
        sa.UniqueConstraint(
            "restaurant_id", "number", name=op.f("uq_menu_version_restaurant_id_number")
        ),
    )
    isolate("menu_version", platform=[DatabaseRole.ADMIN])
    grant("menu_version", {DatabaseRole.ADMIN: "SELECT, INSERT"})
    op.add_column("order", sa.Column("menu_version", sa.Integer(), nullable=True))
    _make_triggers()


def _make_triggers() -> None:
    op.execute(
        """
CREATE FUNCTION menu_version_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE restrict_violation USING TABLE = 'menu_version',
        MESSAGE = 'a published menu version never changes';
END
$$
"""
    )
    op.execute(
        "CREATE TRIGGER menu_version_is_final BEFORE UPDATE ON menu_version"
        " FOR EACH ROW EXECUTE FUNCTION menu_version_is_final()"
    )
    op.execute(
        """
CREATE FUNCTION order_names_its_menu() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.menu_version := (
        SELECT max(number) FROM menu_version WHERE restaurant_id = NEW.restaurant_id
    );
    RETURN NEW;
END
$$
"""
    )
    run_as_owner("order_names_its_menu")
    op.execute(
        'CREATE TRIGGER order_names_its_menu BEFORE INSERT ON "order"'
        " FOR EACH ROW EXECUTE FUNCTION order_names_its_menu()"
    )


def downgrade() -> None:
    op.execute('DROP TRIGGER order_names_its_menu ON "order"')
    op.execute("DROP FUNCTION order_names_its_menu()")
    op.drop_column("order", "menu_version")
    op.drop_table("menu_version")
    op.execute("DROP FUNCTION menu_version_is_final()")
