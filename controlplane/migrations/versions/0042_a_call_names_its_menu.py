"""A call names the menu version its caller was told from; a new version is heard of at once."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("call", sa.Column("menu_version", sa.Integer(), nullable=True))
    op.execute(
        "CREATE TRIGGER notify_restaurant_changed AFTER INSERT OR UPDATE OR DELETE"
        " ON menu_version FOR EACH ROW EXECUTE FUNCTION notify_restaurant_changed()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER notify_restaurant_changed ON menu_version")
    op.drop_column("call", "menu_version")
