"""People sign in to the site: passwords are set by a link, sessions name their browser, strangers'
tries lock no known browser out, and a tablet's code alone finds its restaurant.
"""

import sqlalchemy as sa
from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

WEB, CONTROLLER, ADMIN = DatabaseRole.WEB, DatabaseRole.CONTROLLER, DatabaseRole.ADMIN

# A tablet knows no restaurant before it is paired: the owner's rights find whose open code it is.
RESTAURANT_OF_PAIRING_CODE = """
CREATE FUNCTION restaurant_of_pairing_code(asked text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT restaurant_id FROM device
    WHERE code_hash = asked AND code_expires_at > now() AND revoked_at IS NULL
    LIMIT 1
$$
"""
# Whoever signed in chooses among their restaurants by name: of one user's the names, no more.
PLACES_OF_USER = """
CREATE FUNCTION places_of_user(asked uuid)
RETURNS TABLE (restaurant_id uuid, role text, name text, address text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT r.id, mine.role, r.name, r.address
    FROM restaurants_of_user(asked) AS mine JOIN restaurant r ON r.id = mine.restaurant_id
    ORDER BY r.name, r.id
$$
"""


def upgrade() -> None:
    op.create_table(
        "password_reset",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f("fk_password_reset_user_id_user_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_password_reset")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_password_reset_token_hash")),
    )
    op.create_index(op.f("ix_password_reset_user_id"), "password_reset", ["user_id"])
    grant(
        "password_reset",
        {
            WEB: "SELECT, INSERT, UPDATE",
            CONTROLLER: "SELECT, DELETE",
            ADMIN: "SELECT, INSERT, UPDATE",
        },
    )
    op.add_column("user_session", _text("browser", "''"))
    op.add_column("user_account", _text("language", "'fr'"))
    op.add_column(
        "user_account",
        sa.Column("failed_codes", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column("user_account", _instant("codes_locked_until"))
    op.drop_constraint(op.f("ck_user_account_failed_tries"), "user_account")
    op.create_check_constraint(
        op.f("ck_user_account_failed_tries"),
        "user_account",
        "failed_tries >= 0 AND failed_codes >= 0",
    )
    op.create_check_constraint(
        op.f("ck_user_account_language"), "user_account", "language IN ('fr', 'en')"
    )
    op.drop_column("device", "code_tries")  # its check goes with it
    op.add_column("device", _instant("seen_at"))
    op.create_index(op.f("ix_device_code_hash"), "device", ["code_hash"])
    for body, signature in (
        (RESTAURANT_OF_PAIRING_CODE, "restaurant_of_pairing_code(text)"),
        (PLACES_OF_USER, "places_of_user(uuid)"),
    ):
        op.execute(body)
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {WEB}")


def downgrade() -> None:
    op.execute("DROP FUNCTION places_of_user(uuid)")
    op.execute("DROP FUNCTION restaurant_of_pairing_code(text)")
    op.drop_index(op.f("ix_device_code_hash"), "device")
    op.drop_column("device", "seen_at")
    op.add_column(
        "device",
        sa.Column("code_tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.alter_column("device", "code_tries", server_default=None)
    op.create_check_constraint(op.f("ck_device_code_tries"), "device", "code_tries >= 0")
    op.drop_constraint(op.f("ck_user_account_language"), "user_account")
    op.drop_constraint(op.f("ck_user_account_failed_tries"), "user_account")
    op.drop_column("user_account", "codes_locked_until")
    op.drop_column("user_account", "failed_codes")
    op.create_check_constraint(
        op.f("ck_user_account_failed_tries"), "user_account", "failed_tries >= 0"
    )
    op.drop_column("user_account", "language")
    op.drop_column("user_session", "browser")
    op.drop_table("password_reset")


def _text(name: str, default: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=sa.text(default), nullable=False)


def _instant(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)
