"""The back office sees an account's columns but its password, as the site does; whoever leaves the
platform looks at no restaurant any more: the admins' command ends it.
"""

from alembic import op

from controlplane.database_roles import DatabaseRole

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None

PLATFORM, ADMIN = DatabaseRole.PLATFORM, DatabaseRole.ADMIN
SEEN = (
    "id, restaurant_id, gateway_name, carrier_id, username, domain, auth_username,"
    " config_version, bridge_id, epoch, placement_reason, placed_at, former_bridge_id,"
    " requested_bridge_id, state, state_epoch, state_at, last_sip_code, next_retry_at,"
    " auth_failures"
)


def upgrade() -> None:
    op.execute(f"REVOKE SELECT ON sip_registration FROM {PLATFORM}")
    op.execute(f"GRANT SELECT ({SEEN}) ON sip_registration TO {PLATFORM}")
    op.execute(f"GRANT UPDATE ON platform_view TO {ADMIN}")


def downgrade() -> None:
    op.execute(f"REVOKE UPDATE ON platform_view FROM {ADMIN}")
    op.execute(f"REVOKE SELECT ({SEEN}) ON sip_registration FROM {PLATFORM}")
    op.execute(f"GRANT SELECT ON sip_registration TO {PLATFORM}")
