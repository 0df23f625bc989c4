"""Owners give their restaurant its SIP account on the site, which shows how the line stands.

The site writes an account's password and never reads it: of the account it sees all other columns.
"""

from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.tenant_table import grant

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None

WEB = DatabaseRole.WEB

SEEN = {
    "sip_registration": (
        "id, restaurant_id, gateway_name, carrier_id, username, domain, auth_username,"
        " config_version, bridge_id, epoch, placement_reason, placed_at, former_bridge_id,"
        " requested_bridge_id, state, state_epoch, state_at, last_sip_code, next_retry_at,"
        " auth_failures"
    ),
    "sip_bridge_node": "id, last_seen_at, drain_requested_at",
    "carrier": (
        "id, name, registrar, domain, outbound_proxy, transport, max_auth_failures, refuses_since"
    ),
}
ACCOUNT = "carrier_id, username, domain, auth_username, password_encrypted"


def upgrade() -> None:
    for table, columns in SEEN.items():
        op.execute(f"GRANT SELECT ({columns}) ON {table} TO {WEB}")
    op.execute(f"GRANT UPDATE ({ACCOUNT}) ON sip_registration TO {WEB}")
    grant("sip_registration", {WEB: "INSERT"})


def downgrade() -> None:
    op.execute(f"REVOKE INSERT ON sip_registration FROM {WEB}")
    op.execute(f"REVOKE UPDATE ({ACCOUNT}) ON sip_registration FROM {WEB}")
    for table, columns in SEEN.items():
        op.execute(f"REVOKE SELECT ({columns}) ON {table} FROM {WEB}")
