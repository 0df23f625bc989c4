"""Users and where they are signed in, teams, organisations, devices; and who did what."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant, isolate

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

WEB, ADMIN = DatabaseRole.WEB, DatabaseRole.ADMIN
TENANTS = {
    "membership": {WEB: "SELECT, INSERT, UPDATE, DELETE", ADMIN: "SELECT, INSERT, UPDATE"},
    "invitation": {WEB: "SELECT, INSERT, UPDATE", ADMIN: "SELECT, INSERT, UPDATE"},
    "device": {WEB: "SELECT, INSERT, UPDATE", ADMIN: "SELECT"},
    "organisation_restaurant": {WEB: "SELECT, INSERT, UPDATE, DELETE", ADMIN: "SELECT"},
    "audit_log": {WEB: "SELECT, INSERT", ADMIN: "SELECT, INSERT"},
}
NO_TENANTS = {
    "user_account": {WEB: "SELECT, INSERT, UPDATE", ADMIN: "SELECT, INSERT, UPDATE"},
    "user_session": {WEB: "SELECT, INSERT, UPDATE", ADMIN: "SELECT, UPDATE"},
    "passkey": {WEB: "SELECT, INSERT, UPDATE, DELETE"},
    "organisation": {WEB: "SELECT, INSERT, UPDATE", ADMIN: "SELECT"},
}
"""No row-level security: a user works for several restaurants, and signs in before one is named."""

# Before a restaurant is named no membership is seen: the owner's rights find one user's, no more.
RESTAURANTS_OF_USER = """
CREATE FUNCTION restaurants_of_user(asked uuid) RETURNS TABLE (restaurant_id uuid, role text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT DISTINCT ON (found.restaurant_id) found.restaurant_id, found.role
    FROM (
        SELECT m.restaurant_id, m.role FROM membership m WHERE m.user_id = asked
        UNION ALL
        SELECT r.restaurant_id, 'manager'
        FROM organisation o JOIN organisation_restaurant r ON r.organisation_id = o.id
        WHERE o.head_id = asked
    ) AS found
    ORDER BY found.restaurant_id, array_position(ARRAY['owner', 'manager', 'staff'], found.role)
$$
"""
ONLY_ADDED = """
CREATE FUNCTION audit_log_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is only ever added to';
END
$$
"""


def upgrade() -> None:
    op.create_table(
        "user_account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("failed_tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("totp_encrypted", sa.Text(), nullable=True),
        sa.Column("totp_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("totp_last_step", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "email = lower(email) AND email LIKE '%_@_%'", name=op.f("ck_user_account_email")
        ),
        sa.CheckConstraint(
            "password_hash LIKE '$argon2id$%'", name=op.f("ck_user_account_password_hash")
        ),
        sa.CheckConstraint("failed_tries >= 0", name=op.f("ck_user_account_failed_tries")),
        sa.CheckConstraint(
            "totp_confirmed_at IS NULL OR totp_encrypted IS NOT NULL",
            name=op.f("ck_user_account_totp_confirmed_at"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("email", name=op.f("uq_user_account_email")),
    )
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("acting_as", sa.Uuid(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("diff", postgresql.JSONB(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint("actor <> '' AND action <> ''", name=op.f("ck_audit_log_actor")),
        sa.ForeignKeyConstraint(
            ["restaurant_id"], ["restaurant.id"], name=op.f("fk_audit_log_restaurant_id_restaurant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_audit_log_restaurant_id_id")),
    )
    op.create_index(
        op.f("ix_audit_log_restaurant_id_audit_log_at"),
        "audit_log",
        ["restaurant_id", "at"],
        unique=False,
    )
    op.create_table(
        "device",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=True),
        sa.Column("code_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code_tries", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=True),
        sa.Column("paired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("name <> ''", name=op.f("ck_device_name")),
        sa.CheckConstraint(
            "(code_hash IS NULL) <> (token_hash IS NULL)", name=op.f("ck_device_token_hash")
        ),
        sa.CheckConstraint(
            "(token_hash IS NULL) = (paired_at IS NULL)", name=op.f("ck_device_paired_at")
        ),
        sa.CheckConstraint("code_tries >= 0", name=op.f("ck_device_code_tries")),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_device_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_device_restaurant_id_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_device_token_hash")),
    )
    op.create_table(
        "invitation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("role IN ('manager', 'staff')", name=op.f("ck_invitation_role")),
        sa.CheckConstraint(
            "accepted_at IS NULL OR revoked_at IS NULL", name=op.f("ck_invitation_revoked_at")
        ),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_invitation_email")),
        sa.ForeignKeyConstraint(
            ["invited_by"],
            ["user_account.id"],
            name=op.f("fk_invitation_invited_by_user_account"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_invitation_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("restaurant_id", "id", name=op.f("uq_invitation_restaurant_id_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitation_token_hash")),
    )
    op.create_table(
        "membership",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "role IN ('owner', 'manager', 'staff')", name=op.f("ck_membership_role")
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_membership_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f("fk_membership_user_id_user_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("restaurant_id", "user_id", name=op.f("pk_membership")),
    )
    op.create_index(op.f("ix_membership_user_id"), "membership", ["user_id"], unique=False)
    op.create_index(
        "uq_membership_owner",
        "membership",
        ["restaurant_id"],
        unique=True,
        postgresql_where=sa.text("role = 'owner'"),
    )
    op.create_table(
        "organisation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("head_id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("name <> ''", name=op.f("ck_organisation_name")),
        sa.ForeignKeyConstraint(
            ["head_id"], ["user_account.id"], name=op.f("fk_organisation_head_id_user_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
    )
    op.create_index(op.f("ix_organisation_head_id"), "organisation", ["head_id"], unique=False)
    op.create_table(
        "passkey",
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.Integer(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "octet_length(credential_id) BETWEEN 16 AND 1023", name=op.f("ck_passkey_credential_id")
        ),
        sa.CheckConstraint("sign_count >= 0", name=op.f("ck_passkey_sign_count")),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f("fk_passkey_user_id_user_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("credential_id", name=op.f("pk_passkey")),
    )
    op.create_index(op.f("ix_passkey_user_id"), "passkey", ["user_id"], unique=False)
    op.create_table(
        "user_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f("fk_user_session_user_id_user_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_user_session_token_hash")),
    )
    op.create_index(op.f("ix_user_session_user_id"), "user_session", ["user_id"], unique=False)
    op.create_table(
        "organisation_restaurant",
        sa.Column("restaurant_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_organisation_restaurant_organisation_id_organisation"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["restaurant_id"],
            ["restaurant.id"],
            name=op.f("fk_organisation_restaurant_restaurant_id_restaurant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("restaurant_id", name=op.f("pk_organisation_restaurant")),
    )
    op.create_index(
        op.f("ix_organisation_restaurant_organisation_id"),
        "organisation_restaurant",
        ["organisation_id"],
        unique=False,
    )
    for table, privileges in TENANTS.items():
        isolate(table, platform=[ADMIN])
        grant(table, privileges)
    for table, privileges in NO_TENANTS.items():
        grant(table, privileges)
    op.execute(RESTAURANTS_OF_USER)
    op.execute("REVOKE ALL ON FUNCTION restaurants_of_user(uuid) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION restaurants_of_user(uuid) TO {WEB}")
    op.execute(ONLY_ADDED)
    for each, events in (("ROW", "UPDATE OR DELETE"), ("STATEMENT", "TRUNCATE")):
        op.execute(
            f"CREATE TRIGGER audit_log_keeps_every_{each.lower()} BEFORE {events} ON audit_log"
            f" FOR EACH {each} EXECUTE FUNCTION audit_log_is_only_added_to()"
        )


def downgrade() -> None:
    op.execute("DROP FUNCTION restaurants_of_user(uuid)")
    for table in (
        "audit_log",
        "device",
        "invitation",
        "membership",
        "organisation_restaurant",
        "organisation",
        "passkey",
        "user_session",
        "user_account",
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION audit_log_is_only_added_to()")
