"""Row-level security on every table that holds restaurants' rows, and roles with least grants.

Whoever owns the tables, or is a superuser, sees and does what they did before.
"""

from typing import Final

from alembic import op

from controlplane.database_roles import DatabaseRole
from controlplane.migrations.roles import provide_roles
from controlplane.migrations.tenant_table import grant, isolate, reopen, revoke, run_as_owner

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

WEB, WORKER, OUTBOX, BRIDGE, CONTROLLER, ADMIN = ROLES = (
    DatabaseRole.WEB,
    DatabaseRole.WORKER,
    DatabaseRole.OUTBOX,
    DatabaseRole.BRIDGE,
    DatabaseRole.CONTROLLER,
    DatabaseRole.ADMIN,
)

READ: Final = "SELECT"
ADD: Final = "SELECT, INSERT"
CHANGE: Final = "SELECT, UPDATE"
KEEP: Final = "SELECT, INSERT, UPDATE"
PRUNE: Final = "SELECT, DELETE"
ALL: Final = "SELECT, INSERT, UPDATE, DELETE"

MENU: Final = ("menu_category", "menu_item", "option_group", "option", "item_option_group")
TENANTS: Final[dict[str, dict[DatabaseRole, str]]] = {
    **{table: {WORKER: READ} for table in (*MENU, "opening_rule", "opening_exception")},
    "transfer_target": {WORKER: READ, BRIDGE: READ, ADMIN: ALL},
    "blocked_caller": {BRIDGE: READ, ADMIN: "SELECT, INSERT, DELETE"},
    "order": {WEB: CHANGE, WORKER: KEEP, CONTROLLER: CHANGE, ADMIN: CHANGE},
    "order_line": {WEB: READ, WORKER: ADD, ADMIN: READ},
    "order_event": {WEB: ADD, WORKER: ADD},
    "event_outbox": {WEB: ADD, WORKER: ADD, OUTBOX: READ, BRIDGE: ADD, CONTROLLER: PRUNE},
    "voice_message": {
        WEB: CHANGE,
        BRIDGE: "SELECT, INSERT, DELETE",
        CONTROLLER: PRUNE,
        ADMIN: PRUNE,
    },
    "call": {CONTROLLER: ALL, ADMIN: CHANGE},
    "call_turn": {CONTROLLER: "SELECT, INSERT, DELETE", ADMIN: PRUNE},
    "sip_registration": {BRIDGE: CHANGE, CONTROLLER: CHANGE, ADMIN: KEEP},
}
RESTAURANT: Final = {WEB: READ, WORKER: READ, BRIDGE: READ, CONTROLLER: READ, ADMIN: CHANGE}
PLATFORM: Final[dict[str, dict[DatabaseRole, str]]] = {
    "carrier": {BRIDGE: READ, CONTROLLER: CHANGE, ADMIN: KEEP},
    "sip_registration_event": {
        BRIDGE: ADD,
        CONTROLLER: "SELECT, INSERT, DELETE",
        ADMIN: READ,
    },
    "sip_bridge_node": {BRIDGE: CHANGE, CONTROLLER: ALL, ADMIN: CHANGE},
    "ai_worker_node": {WORKER: KEEP, CONTROLLER: ALL},
    "controller_lease": {CONTROLLER: KEEP},
}
ONE_RESTAURANT: Final = (WEB, WORKER)
"""These processes see one restaurant at a time; the others serve many."""
LOOK_ELSEWHERE: Final = (
    "event_outbox_in_commit_order",
    "notify_bridge_of_restaurant",
    "restaurant_changed",
    "restaurant_limits_changed",
    "carrier_changed",
)
"""These triggers read or write another table, or a sequence, than the one that was written."""


def upgrade() -> None:
    provide_roles(op.get_bind(), ROLES)
    for table, privileges in (TENANTS | {"restaurant": RESTAURANT}).items():
        everywhere = [role for role in privileges if role not in ONE_RESTAURANT]
        column = "id" if table == "restaurant" else "restaurant_id"
        isolate(table, platform=everywhere, column=column)
        grant(table, privileges)
    for table, privileges in PLATFORM.items():
        grant(table, privileges)
    for function in LOOK_ELSEWHERE:
        run_as_owner(function)


def downgrade() -> None:
    for function in LOOK_ELSEWHERE:
        op.execute(f"ALTER FUNCTION {function}() SECURITY INVOKER RESET search_path")
    for table in (*TENANTS, "restaurant"):
        reopen(table)
    for table in (*TENANTS, "restaurant", *PLATFORM):
        revoke(table, ROLES)
