"""Hours by what they are for, exceptions over several days, public holidays, a busy kitchen.

The hours there are told callers when the restaurant is open, and when it takes orders, which are
all for pick-up: they go on meaning both.
"""

import sqlalchemy as sa
from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

KINDS = "'on_site', 'pickup', 'delivery', 'reservation', 'ai_answering'"
EMPTY = sa.text("''")


def upgrade() -> None:
    op.add_column(
        "opening_rule",
        sa.Column("kind", sa.Text(), server_default=sa.text("'pickup'"), nullable=False),
    )
    op.execute(
        "INSERT INTO opening_rule (id, restaurant_id, kind, weekday, opens, closes)"
        " SELECT gen_random_uuid(), restaurant_id, 'on_site', weekday, opens, closes"
        " FROM opening_rule"
    )
    op.create_check_constraint(
        op.f("ck_opening_rule_kind"), "opening_rule", sa.text(f"kind IN ({KINDS})")
    )
    for table in ("opening_rule", "opening_exception"):
        op.create_unique_constraint(
            op.f(f"uq_{table}_restaurant_id_id"), table, ["restaurant_id", "id"]
        )
    _exceptions()
    _holidays()
    _busy_state()


def _exceptions() -> None:
    kinds: sa.Column[list[str]] = sa.Column(
        "kinds", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
    )
    for column in (
        sa.Column("last_date", sa.Date(), nullable=True),
        kinds,
        sa.Column("label", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("spoken", sa.Text(), server_default=EMPTY, nullable=False),
    ):
        op.add_column("opening_exception", column)
    # A restaurant without a week opens on the dates it names, for what those are named for.
    op.execute(
        "UPDATE opening_exception SET kinds = '{on_site,pickup}' WHERE NOT EXISTS"
        " (SELECT FROM opening_rule WHERE restaurant_id = opening_exception.restaurant_id)"
    )
    op.create_check_constraint(
        op.f("ck_opening_exception_last_date"), "opening_exception", sa.text("last_date >= date")
    )
    op.create_check_constraint(
        op.f("ck_opening_exception_kinds"),
        "opening_exception",
        sa.text(f"kinds <@ ARRAY[{KINDS}]"),
    )


def _holidays() -> None:
    op.add_column(
        "restaurant",
        sa.Column("holiday_hours", sa.Text(), server_default=sa.text("'as_usual'"), nullable=False),
    )
    op.add_column(
        "restaurant",
        sa.Column("alsace_moselle", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_restaurant_holiday_hours"),
        "restaurant",
        sa.text("holiday_hours IN ('as_usual', 'to_confirm', 'closed')"),
    )


def _busy_state() -> None:
    op.create_table(
        "busy_state",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("delay_minutes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column(
            "set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint(
            "level IN ('online', 'busy', 'paused')", name=op.f("ck_busy_state_level")
        ),
        sa.CheckConstraint(
            "CASE WHEN level = 'busy' THEN delay_minutes BETWEEN 1 AND 240"
            " ELSE delay_minutes = 0 END",
            name=op.f("ck_busy_state_delay_minutes"),
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_busy_state_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("restaurant_id", name=op.f("pk_busy_state")),
    )
    isolate("busy_state")
    grant(
        "busy_state",
        {DatabaseRole.WEB: "SELECT, INSERT, UPDATE", DatabaseRole.WORKER: "SELECT"},
    )
    op.execute(
        "CREATE TRIGGER notify_restaurant_changed AFTER INSERT OR UPDATE OR DELETE"
        " ON busy_state FOR EACH ROW EXECUTE FUNCTION notify_restaurant_changed()"
    )


def downgrade() -> None:
    op.drop_table("busy_state")
    op.drop_column("restaurant", "alsace_moselle")
    op.drop_column("restaurant", "holiday_hours")
    # What the schema before cannot say is not said wrong: a range would be one day, a delivery's
    # exception the whole restaurant's.
    op.execute("DELETE FROM opening_exception WHERE kinds <> '{}' AND NOT kinds @> '{pickup}'")
    op.execute(
        "INSERT INTO opening_exception (id, restaurant_id, date, opens, closes)"
        " SELECT gen_random_uuid(), restaurant_id, day::date, opens, closes"
        " FROM opening_exception,"
        " generate_series(date + 1, last_date, interval '1 day') AS day"
    )
    for column in ("spoken", "label", "kinds", "last_date"):
        op.drop_column("opening_exception", column)
    op.execute("DELETE FROM opening_rule WHERE kind <> 'pickup'")
    for table in ("opening_exception", "opening_rule"):
        op.drop_constraint(op.f(f"uq_{table}_restaurant_id_id"), table)
    op.drop_column("opening_rule", "kind")
