"""Site and admins write hours and pacing, by weekday and hour; slots long past are pruned."""

import sqlalchemy as sa
from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, let_see_all, revoke

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

WEB, ADMIN, CONTROLLER = DatabaseRole.WEB, DatabaseRole.ADMIN, DatabaseRole.CONTROLLER
WRITERS = (WEB, ADMIN)
WRITTEN = {
    "opening_rule": "INSERT, DELETE",
    "opening_exception": "INSERT, DELETE",
    "pacing_rule": "INSERT, UPDATE, DELETE",
}
COUNTED_AT = "ix_slot_counter_slot_start"


def upgrade() -> None:
    weekdays: sa.Column[list[int]] = sa.Column(
        "weekdays", sa.ARRAY(sa.SmallInteger()), server_default=sa.text("'{}'"), nullable=False
    )
    op.add_column("pacing_rule", weekdays)
    for name in ("opens", "closes"):
        op.add_column("pacing_rule", sa.Column(name, sa.Time(), nullable=True))
    op.create_check_constraint(
        op.f("ck_pacing_rule_weekdays"),
        "pacing_rule",
        sa.text("weekdays <@ ARRAY[0, 1, 2, 3, 4, 5, 6]::smallint[]"),
    )
    op.create_check_constraint(
        op.f("ck_pacing_rule_hours"), "pacing_rule", sa.text("(opens IS NULL) = (closes IS NULL)")
    )
    op.create_index(op.f(COUNTED_AT), "slot_counter", ["slot_start"])
    let_see_all("slot_counter", [CONTROLLER])
    grant("slot_counter", {CONTROLLER: "SELECT, DELETE"})
    for table, privileges in WRITTEN.items():
        grant(table, dict.fromkeys(WRITERS, privileges))
    grant("busy_state", {ADMIN: "INSERT, UPDATE"})


def downgrade() -> None:
    op.execute(f"REVOKE INSERT, UPDATE ON busy_state FROM {ADMIN}")
    for table, privileges in WRITTEN.items():
        op.execute(f"REVOKE {privileges} ON {table} FROM {WEB}, {ADMIN}")
    revoke("slot_counter", [CONTROLLER])
    let_see_all("slot_counter", [])
    op.drop_index(op.f(COUNTED_AT), table_name="slot_counter")
    # A rule of some hours would bind at all of them.
    op.execute("DELETE FROM pacing_rule WHERE weekdays <> '{}' OR opens IS NOT NULL")
    for name in ("closes", "opens", "weekdays"):
        op.drop_column("pacing_rule", name)
