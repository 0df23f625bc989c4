"""Tables and shifts of a restaurant, and the reservations that take them.

Postgres refuses to give a table twice: an exclusion constraint, which needs btree_gist to compare
ids beside time ranges (a trusted extension: a database's owner may create it).
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate, revoke

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

NOW: Final = sa.text("now()")
WEB, WORKER, ADMIN = DatabaseRole.WEB, DatabaseRole.WORKER, DatabaseRole.ADMIN
READ: Final = "SELECT"
ADD: Final = "SELECT, INSERT"
KEEP: Final = "SELECT, INSERT, UPDATE"
PERSONAL: Final = (
    "customer_name IS NOT NULL OR customer_phone_e164 IS NOT NULL"
    " OR note <> '' OR allergy_note <> ''"
)
TABLES: Final = {
    "dining_area": READ,
    "dining_table": READ,
    "table_combination": READ,
    "combined_table": READ,
    "reservation_shift": READ,
    "turn_time": READ,
    "reservation": KEEP,
    "reservation_event": ADD,
    "table_assignment": KEEP,
}
"""Each is made after those it points to; worker and site both book, by the same rules."""
PRUNERS: Final = (DatabaseRole.CONTROLLER, ADMIN)
"""They forget who the guests were, when their time is over or when asked to; that nothing is left
is looked for in every table."""
HOURS: Final = ("opening_rule", "opening_exception")
"""Whoever books looks whether the restaurant is closed that day; the worker may already."""


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    _tables_and_shifts()
    _reservations()
    for table, privileges in TABLES.items():
        isolate(table, platform=PRUNERS if table == "reservation" else [ADMIN])
        grant(table, {WEB: privileges, WORKER: privileges, ADMIN: READ})
    grant("reservation", dict.fromkeys(PRUNERS, "SELECT, UPDATE"))
    for table in HOURS:
        grant(table, {WEB: READ})


def downgrade() -> None:
    for table in HOURS:
        revoke(table, [WEB])
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DROP EXTENSION btree_gist")


def _tables_and_shifts() -> None:
    op.create_table(
        "dining_area",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint("name <> ''", name=op.f("ck_dining_area_name")),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_dining_area_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dining_area")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_dining_area_restaurant_id_id")),
        sa.UniqueConstraint(
            "restaurant_id", "name", name=op.f("uq_dining_area_restaurant_id_name")
        ),
    )
    op.create_table(
        "reservation_shift",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("weekdays", sa.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("first_seating", sa.Time(), nullable=False),
        sa.Column("last_seating", sa.Time(), nullable=False),
        sa.Column("slot_minutes", sa.Integer(), server_default=sa.text("15"), nullable=False),
        sa.Column("lead_minutes", sa.Integer(), server_default=sa.text("60"), nullable=False),
        sa.Column("furthest_days", sa.Integer(), server_default=sa.text("60"), nullable=False),
        sa.Column("cancel_minutes", sa.Integer(), server_default=sa.text("120"), nullable=False),
        sa.Column("max_covers_a_slot", sa.Integer(), nullable=True),
        sa.Column("max_covers", sa.Integer(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint("name <> ''", name=op.f("ck_reservation_shift_name")),
        sa.CheckConstraint(
            "cancel_minutes BETWEEN 0 AND 10080", name=op.f("ck_reservation_shift_cancel_minutes")
        ),
        sa.CheckConstraint(
            "cardinality(weekdays) BETWEEN 1 AND 7"
            " AND weekdays <@ ARRAY[0, 1, 2, 3, 4, 5, 6]::smallint[]",
            name=op.f("ck_reservation_shift_weekdays"),
        ),
        sa.CheckConstraint(
            "furthest_days BETWEEN 0 AND 730", name=op.f("ck_reservation_shift_furthest_days")
        ),
        sa.CheckConstraint(
            "lead_minutes BETWEEN 0 AND 10080", name=op.f("ck_reservation_shift_lead_minutes")
        ),
        sa.CheckConstraint("max_covers >= 1", name=op.f("ck_reservation_shift_max_covers")),
        sa.CheckConstraint(
            "max_covers_a_slot >= 1", name=op.f("ck_reservation_shift_max_covers_a_slot")
        ),
        sa.CheckConstraint(
            "slot_minutes BETWEEN 5 AND 240", name=op.f("ck_reservation_shift_slot_minutes")
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_reservation_shift_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservation_shift")),
        sa.UniqueConstraint(
            "restaurant_id", "id", name=op.f("uq_reservation_shift_restaurant_id_id")
        ),
        sa.UniqueConstraint(
            "restaurant_id", "name", name=op.f("uq_reservation_shift_restaurant_id_name")
        ),
    )
    op.create_table(
        "table_combination",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("min_covers", sa.Integer(), nullable=False),
        sa.Column("max_covers", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint("name <> ''", name=op.f("ck_table_combination_name")),
        sa.CheckConstraint(
            "1 <= min_covers AND min_covers <= max_covers AND max_covers <= 200",
            name=op.f("ck_table_combination_covers"),
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_table_combination_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_table_combination")),
        sa.UniqueConstraint(
            "restaurant_id", "id", name=op.f("uq_table_combination_restaurant_id_id")
        ),
        sa.UniqueConstraint(
            "restaurant_id", "name", name=op.f("uq_table_combination_restaurant_id_name")
        ),
    )
    op.create_table(
        "dining_table",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("min_covers", sa.Integer(), nullable=False),
        sa.Column("max_covers", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint("name <> ''", name=op.f("ck_dining_table_name")),
        sa.CheckConstraint(
            "1 <= min_covers AND min_covers <= max_covers AND max_covers <= 100",
            name=op.f("ck_dining_table_covers"),
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "area_id"],
            ["dining_area.restaurant_id", "dining_area.id"],
            name=op.f("fk_dining_table_restaurant_id_area_id_dining_area"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dining_table")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_dining_table_restaurant_id_id")),
        sa.UniqueConstraint(
            "restaurant_id", "name", name=op.f("uq_dining_table_restaurant_id_name")
        ),
    )
    op.create_table(
        "turn_time",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("shift_id", sa.Uuid(), nullable=False),
        sa.Column("up_to_covers", sa.Integer(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.CheckConstraint("minutes BETWEEN 15 AND 720", name=op.f("ck_turn_time_minutes")),
        sa.CheckConstraint(
            "up_to_covers BETWEEN 1 AND 200", name=op.f("ck_turn_time_up_to_covers")
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "shift_id"],
            ["reservation_shift.restaurant_id", "reservation_shift.id"],
            name=op.f("fk_turn_time_restaurant_id_shift_id_reservation_shift"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "restaurant_id", "shift_id", "up_to_covers", name=op.f("pk_turn_time")
        ),
    )
    op.create_table(
        "combined_table",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("combination_id", sa.Uuid(), nullable=False),
        sa.Column("table_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "combination_id"],
            ["table_combination.restaurant_id", "table_combination.id"],
            name=op.f("fk_combined_table_restaurant_id_combination_id_table_combination"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "table_id"],
            ["dining_table.restaurant_id", "dining_table.id"],
            name=op.f("fk_combined_table_restaurant_id_table_id_dining_table"),
        ),
        sa.PrimaryKeyConstraint(
            "restaurant_id", "combination_id", "table_id", name=op.f("pk_combined_table")
        ),
    )


def _reservations() -> None:
    op.create_table(
        "reservation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("hold_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("party", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shift_id", sa.Uuid(), nullable=True),
        sa.Column("shift_date", sa.Date(), nullable=True),
        sa.Column("area_id", sa.Uuid(), nullable=True),
        sa.Column("customer_name", sa.Text(), nullable=True),
        sa.Column("customer_phone_e164", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("allergy_note", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.CheckConstraint(
            "(status = 'hold') = (hold_expires_at IS NOT NULL)", name=op.f("ck_reservation_hold")
        ),
        sa.CheckConstraint(
            "source IN ('voice', 'web', 'staff', 'walk_in')", name=op.f("ck_reservation_source")
        ),
        sa.CheckConstraint(
            "status IN ('waitlisted', 'hold', 'confirmed', 'reconfirmed', 'arrived', 'seated',"
            " 'finished', 'cancelled', 'no_show')",
            name=op.f("ck_reservation_status"),
        ),
        sa.CheckConstraint(
            "(shift_id IS NULL) = (shift_date IS NULL)", name=op.f("ck_reservation_shift")
        ),
        sa.CheckConstraint("party BETWEEN 1 AND 200", name=op.f("ck_reservation_party")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_reservation_ends_at")),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "area_id"],
            ["dining_area.restaurant_id", "dining_area.id"],
            name=op.f("fk_reservation_restaurant_id_area_id_dining_area"),
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "shift_id"],
            ["reservation_shift.restaurant_id", "reservation_shift.id"],
            name=op.f("fk_reservation_restaurant_id_shift_id_reservation_shift"),
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_reservation_restaurant_id_restaurant"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservation")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_reservation_restaurant_id_id")),
        sa.UniqueConstraint(
            "restaurant_id",
            "idempotency_key",
            name=op.f("uq_reservation_restaurant_id_idempotency_key"),
        ),
        sa.UniqueConstraint(
            "restaurant_id", "number", name=op.f("uq_reservation_restaurant_id_number")
        ),
    )
    op.create_index(
        "ix_reservation_hold",
        "reservation",
        ["restaurant_id", "hold_expires_at"],
        postgresql_where=sa.text("status = 'hold'"),
    )
    op.create_index(
        "ix_reservation_personal",
        "reservation",
        ["restaurant_id", "ends_at"],
        postgresql_where=sa.text(PERSONAL),
    )
    op.create_index(
        op.f("ix_reservation_restaurant_id_reservation_customer_phone_e164"),
        "reservation",
        ["restaurant_id", "customer_phone_e164"],
    )
    op.create_index(
        op.f("ix_reservation_restaurant_id_reservation_starts_at"),
        "reservation",
        ["restaurant_id", "starts_at"],
    )
    op.create_table(
        "reservation_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("reservation_id", sa.Uuid(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "reservation_id"],
            ["reservation.restaurant_id", "reservation.id"],
            name=op.f("fk_reservation_event_restaurant_id_reservation_id_reservation"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservation_event")),
    )
    op.create_index(
        op.f("ix_reservation_event_restaurant_id_reservation_event_reservation_id"),
        "reservation_event",
        ["restaurant_id", "reservation_id"],
    )
    op.create_table(
        "table_assignment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("reservation_id", sa.Uuid(), nullable=False),
        sa.Column("table_id", sa.Uuid(), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("restaurant_id"), "="),
            (sa.column("table_id"), "="),
            (sa.column("during"), "&&"),
            where=sa.text("active"),
            using="gist",
            name="ex_table_assignment_during",
        ),
        sa.CheckConstraint("NOT isempty(during)", name=op.f("ck_table_assignment_during")),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "reservation_id"],
            ["reservation.restaurant_id", "reservation.id"],
            name=op.f("fk_table_assignment_restaurant_id_reservation_id_reservation"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "table_id"],
            ["dining_table.restaurant_id", "dining_table.id"],
            name=op.f("fk_table_assignment_restaurant_id_table_id_dining_table"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_table_assignment")),
    )
    op.create_index(
        op.f("ix_table_assignment_restaurant_id_table_assignment_reservation_id"),
        "table_assignment",
        ["restaurant_id", "reservation_id"],
    )
