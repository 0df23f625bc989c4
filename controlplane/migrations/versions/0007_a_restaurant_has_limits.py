"""How many calls each restaurant takes; its bridges hear of a change, and of another time zone."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

LIMITS = (
    ("most_calls_at_once", 12, 400),
    ("most_calls_an_hour", 120, 20_000),
    ("most_ai_minutes_a_day", 600, 576_000),
)


def upgrade() -> None:
    for name, default, most in LIMITS:
        op.add_column(
            "restaurant",
            sa.Column(name, sa.Integer(), server_default=sa.text(str(default)), nullable=False),
        )
        op.create_check_constraint(
            op.f(f"ck_restaurant_{name}"), "restaurant", f"{name} BETWEEN 1 AND {most}"
        )
    op.execute(
        """
CREATE FUNCTION restaurant_limits_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('registration_changed', bridge)
    FROM sip_registration, unnest(ARRAY[bridge_id, former_bridge_id]) AS bridge
    WHERE restaurant_id = NEW.id AND bridge IS NOT NULL;
    RETURN NULL;
END
$$
"""
    )
    watched = ", ".join((*(name for name, *_ in LIMITS), "timezone"))
    op.execute(
        f"CREATE TRIGGER restaurant_limits_changed AFTER UPDATE OF {watched} ON restaurant"
        " FOR EACH ROW EXECUTE FUNCTION restaurant_limits_changed()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER restaurant_limits_changed ON restaurant")
    op.execute("DROP FUNCTION restaurant_limits_changed()")
    for name, *_ in LIMITS:
        op.drop_column("restaurant", name)
