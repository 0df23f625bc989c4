"""Restaurants' own prompts and how they sound; a bridge hears of each change."""

import sqlalchemy as sa
from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

PLATFORM = [DatabaseRole.BRIDGE, DatabaseRole.CONTROLLER, DatabaseRole.ADMIN]


def upgrade() -> None:
    _renderings()
    _prompts()
    # As of `transfer_target`: notify_bridge_of_restaurant is of revision 0002.
    op.execute(
        "CREATE TRIGGER notify_bridge AFTER INSERT OR UPDATE OR DELETE ON restaurant_prompt"
        " FOR EACH ROW EXECUTE FUNCTION notify_bridge_of_restaurant()"
    )


def downgrade() -> None:
    op.drop_table("restaurant_prompt")
    op.drop_table("prompt_rendering")


def _renderings() -> None:
    op.create_table(
        "prompt_rendering",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("kind", "digest", "text", "voice", "engine")
        ),
        sa.Column("wav", sa.LargeBinary(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("level_dbfs", sa.Float(53), nullable=False),
        sa.Column("peak_dbfs", sa.Float(53), nullable=False),
        sa.Column("rendered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("digest ~ '^[0-9a-f]{64}$'", name=op.f("ck_prompt_rendering_digest")),
        sa.CheckConstraint(
            "kind <> 'greeting' OR text LIKE '%intelligence artificielle%'",
            name=op.f("ck_prompt_rendering_disclosed"),
        ),
        sa.CheckConstraint(
            "duration_ms BETWEEN 1 AND 25000", name=op.f("ck_prompt_rendering_duration_ms")
        ),
        sa.CheckConstraint("octet_length(wav) <= 400044", name=op.f("ck_prompt_rendering_wav")),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_prompt_rendering_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompt_rendering")),
        *(
            sa.UniqueConstraint(
                "restaurant_id",
                *columns,
                name=op.f(f"uq_prompt_rendering_restaurant_id_{'_'.join(columns)}"),
            )
            for columns in (("id",), ("digest",), ("kind", "id"))
        ),
    )
    # A recording is compressed already as far as it goes.
    op.execute("ALTER TABLE prompt_rendering ALTER COLUMN wav SET STORAGE EXTERNAL")
    isolate("prompt_rendering", platform=PLATFORM)
    grant(
        "prompt_rendering",
        {
            DatabaseRole.WEB: "SELECT",
            DatabaseRole.BRIDGE: "SELECT",
            DatabaseRole.CONTROLLER: "SELECT, INSERT, DELETE",
            DatabaseRole.ADMIN: "SELECT",
        },
    )


def _prompts() -> None:
    op.create_table(
        "restaurant_prompt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=True),
        sa.Column("rendering_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('greeting', 'busy', 'leave_message')", name=op.f("ck_restaurant_prompt_kind")
        ),
        sa.CheckConstraint(
            "sentence IS NOT NULL OR kind = 'greeting'", name=op.f("ck_restaurant_prompt_worded")
        ),
        sa.CheckConstraint(
            "char_length(sentence) BETWEEN 1 AND 200", name=op.f("ck_restaurant_prompt_sentence")
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_restaurant_prompt_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id", "kind", "rendering_id"],
            [
                "prompt_rendering.restaurant_id",
                "prompt_rendering.kind",
                "prompt_rendering.id",
            ],
            name=op.f("fk_restaurant_prompt_rendering"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restaurant_prompt")),
        *(
            sa.UniqueConstraint(
                "restaurant_id", column, name=op.f(f"uq_restaurant_prompt_restaurant_id_{column}")
            )
            for column in ("id", "kind")
        ),
    )
    isolate("restaurant_prompt", platform=PLATFORM)
    grant(
        "restaurant_prompt",
        {
            DatabaseRole.WEB: "SELECT, INSERT, UPDATE, DELETE",
            DatabaseRole.BRIDGE: "SELECT",
            DatabaseRole.CONTROLLER: "SELECT, INSERT, UPDATE",
            DatabaseRole.ADMIN: "SELECT, INSERT, UPDATE, DELETE",
        },
    )
