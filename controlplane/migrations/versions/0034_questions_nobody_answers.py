"""Answers the assistant gives, and questions nobody could answer."""

import sqlalchemy as sa
from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

WEB, WORKER, ADMIN = DatabaseRole.WEB, DatabaseRole.WORKER, DatabaseRole.ADMIN
CONTROLLER = DatabaseRole.CONTROLLER
KEEP = "SELECT, INSERT, UPDATE, DELETE"
FAQ_CHECKS = {
    "question": "question <> '' AND char_length(question) <= 200",
    "answer": "answer <> '' AND char_length(answer) <= 400",
}
GAP_CHECKS = {
    "status": "status IN ('open', 'answered', 'dismissed')",
    "words": "words <> '' AND char_length(words) <= 200 AND char_length(question) <= 200",
    "times": "times >= 1",
}


def upgrade() -> None:
    _answers()
    _questions()


def downgrade() -> None:
    op.drop_table("faq_gap")
    op.drop_table("faq")


def _answers() -> None:
    op.create_table(
        "faq",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        *_checks("faq", FAQ_CHECKS),
        *_of_a_restaurant("faq"),
    )
    op.create_index(op.f("ix_faq_restaurant_id_faq_position"), "faq", ["restaurant_id", "position"])
    isolate("faq")
    grant("faq", {WEB: KEEP, WORKER: "SELECT", ADMIN: KEEP})
    op.execute(
        "CREATE TRIGGER notify_restaurant_changed AFTER INSERT OR UPDATE OR DELETE"
        " ON faq FOR EACH ROW EXECUTE FUNCTION notify_restaurant_changed()"
    )


def _questions() -> None:
    op.create_table(
        "faq_gap",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("faq_id", sa.Uuid(), nullable=True),
        sa.Column("call_id", sa.Uuid(), nullable=True),
        sa.Column("last_asked_at", sa.DateTime(timezone=True), nullable=False),
        *_checks("faq_gap", GAP_CHECKS),
        *_of_a_restaurant("faq_gap"),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "faq_id"],
            ["faq.restaurant_id", "faq.id"],
            name=op.f("fk_faq_gap_restaurant_id_faq_id_faq"),
            ondelete="SET NULL (faq_id)",
        ),
        sa.UniqueConstraint("restaurant_id", "words", name=op.f("uq_faq_gap_restaurant_id_words")),
    )
    op.create_index(
        op.f("ix_faq_gap_restaurant_id_faq_gap_last_asked_at"),
        "faq_gap",
        ["restaurant_id", "last_asked_at"],
    )
    op.create_index(
        op.f("ix_faq_gap_call_id"),
        "faq_gap",
        ["call_id"],
        postgresql_where=sa.text("call_id IS NOT NULL"),
    )
    isolate("faq_gap", platform=[CONTROLLER, ADMIN])
    grant("faq_gap", {WEB: "SELECT, UPDATE", WORKER: KEEP})
    grant("faq_gap", {CONTROLLER: "SELECT, DELETE", ADMIN: "SELECT, UPDATE, DELETE"})


def _checks(table: str, rules: dict[str, str]) -> list[sa.CheckConstraint]:
    return [
        sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in rules.items()
    ]


def _of_a_restaurant(table: str) -> list[sa.Constraint]:
    return [
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f(f"fk_{table}_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f(f"uq_{table}_restaurant_id_id")),
    ]
