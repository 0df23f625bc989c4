"""Domain, outbound proxy, TLS and SRTP of a carrier; domain and digest user of an account.

And since when a carrier refuses everybody: a suspended account that the controller lets be tried
again is told to its bridge.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

TRANSPORTS = "transport IN ('udp', 'tcp', 'tls')"
FORMER_TRANSPORTS = "transport IN ('udp', 'tcp')"

GATEWAY_COLUMNS = ("registrar", "transport", "expire_seconds", "codecs", "number_format")
NEW_GATEWAY_COLUMNS = (*GATEWAY_COLUMNS, "domain", "outbound_proxy", "srtp")
# Of `refuses_since` only the controller wants to know.
HEARD = "(to_jsonb(NEW) - 'refuses_since') IS DISTINCT FROM (to_jsonb(OLD) - 'refuses_since')"
TRIED_AGAIN = "(OLD.state = 'SUSPENDED' AND NEW.state NOT IN ('SUSPENDED', 'REGED'))"


def carrier_changed(columns: tuple[str, ...], *, heard: str) -> str:
    """What a gateway is made of makes it again; the rest is heard of, and only needs to be read."""
    new, old = (", ".join(f"{row}.{name}" for name in columns) for row in ("NEW", "OLD"))
    return f"""
CREATE OR REPLACE FUNCTION carrier_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF ({new}) IS DISTINCT FROM ({old}) THEN
        UPDATE sip_registration SET config_version = config_version + 1 WHERE carrier_id = NEW.id;
    ELSIF {heard} THEN
        PERFORM pg_notify('registration_changed', bridge) FROM (
            SELECT DISTINCT unnest(ARRAY[bridge_id, former_bridge_id]) AS bridge
            FROM sip_registration WHERE carrier_id = NEW.id
        ) AS bridges WHERE bridge IS NOT NULL;
    END IF;
    RETURN NULL;
END
$$
"""


def sip_account_changed(columns: tuple[str, ...]) -> str:
    new, old = (", ".join(f"{row}.{name}" for name in columns) for row in ("NEW", "OLD"))
    return f"""
CREATE OR REPLACE FUNCTION sip_account_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF ({new}) IS DISTINCT FROM ({old})
        OR (NEW.password_encrypted <> OLD.password_encrypted
            AND coalesce(current_setting('alloresto.resealing', true), '') <> 'on')
        OR NEW.config_version <> OLD.config_version
    THEN
        NEW.config_version := OLD.config_version + 1;
        NEW.auth_failures := 0;
        NEW.next_retry_at := NULL;
    END IF;
    RETURN NEW;
END
$$
"""


def sip_registration_changed(*, also: str) -> str:
    """Agents' reports (state, codes, retries) tell nobody; what they are to do does."""
    return f"""
CREATE OR REPLACE FUNCTION sip_registration_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM pg_notify('registration_changed', coalesce(OLD.bridge_id, ''));
        PERFORM pg_notify('registration_changed', coalesce(OLD.former_bridge_id, ''));
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT'
        OR (NEW.bridge_id, NEW.epoch, NEW.config_version)
            IS DISTINCT FROM (OLD.bridge_id, OLD.epoch, OLD.config_version)
        OR (NEW.auth_failures = 0 AND OLD.auth_failures > 0 AND NEW.state <> 'REGED')
        OR {also}
        OR (NEW.requested_bridge_id IS NOT NULL
            AND NEW.requested_bridge_id IS DISTINCT FROM OLD.requested_bridge_id)
    THEN
        PERFORM pg_notify('registration_changed', coalesce(NEW.bridge_id, ''));
        IF TG_OP = 'UPDATE' AND OLD.bridge_id IS DISTINCT FROM NEW.bridge_id
            AND OLD.bridge_id IS NOT NULL
        THEN
            PERFORM pg_notify('registration_changed', OLD.bridge_id);
        END IF;
        IF TG_OP = 'UPDATE' AND OLD.former_bridge_id IS DISTINCT FROM NEW.former_bridge_id
            AND OLD.former_bridge_id IS NOT NULL
        THEN
            PERFORM pg_notify('registration_changed', OLD.former_bridge_id);
        END IF;
    END IF;
    RETURN NULL;
END
$$
"""


def upgrade() -> None:
    for column in (
        sa.Column("domain", sa.Text(), nullable=True),
        sa.Column("outbound_proxy", sa.Text(), nullable=True),
        sa.Column("srtp", sa.Text(), nullable=False, server_default="off"),
        sa.Column("refuses_since", sa.DateTime(timezone=True), nullable=True),
    ):
        op.add_column("carrier", column)
    op.alter_column("carrier", "srtp", server_default=None)
    op.create_check_constraint(
        op.f("ck_carrier_srtp"), "carrier", "srtp IN ('off', 'optional', 'required')"
    )
    op.drop_constraint(op.f("ck_carrier_transport"), "carrier")
    op.create_check_constraint(op.f("ck_carrier_transport"), "carrier", TRANSPORTS)
    for name in ("domain", "auth_username"):
        op.add_column("sip_registration", sa.Column(name, sa.Text(), nullable=True))
    op.create_index(
        "ix_sip_registration_refused",
        "sip_registration",
        ["carrier_id"],
        postgresql_where=sa.text("auth_failures > 0"),
    )
    op.execute(carrier_changed(NEW_GATEWAY_COLUMNS, heard=HEARD))
    op.execute(sip_account_changed(("carrier_id", "username", "domain", "auth_username")))
    op.execute(sip_registration_changed(also=TRIED_AGAIN))


def downgrade() -> None:
    """Take the schema back. A carrier over TLS becomes one over TCP, for there was no TLS."""
    op.execute(carrier_changed(GATEWAY_COLUMNS, heard="true"))
    op.execute(sip_account_changed(("carrier_id", "username")))
    op.execute(sip_registration_changed(also="false"))
    op.execute("UPDATE carrier SET transport = 'tcp' WHERE transport = 'tls'")
    op.drop_constraint(op.f("ck_carrier_transport"), "carrier")
    op.create_check_constraint(op.f("ck_carrier_transport"), "carrier", FORMER_TRANSPORTS)
    op.drop_index("ix_sip_registration_refused", table_name="sip_registration")
    for name in ("domain", "auth_username"):
        op.drop_column("sip_registration", name)
    for name in ("domain", "outbound_proxy", "srtp", "refuses_since"):
        op.drop_column("carrier", name)
