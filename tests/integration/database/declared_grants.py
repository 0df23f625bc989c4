"""What each role may do with each table: whoever changes a grant changes it here too.

A table, or a role of a table, that is not named may do nothing.
"""

from typing import Final

from controlplane.database_roles import DatabaseRole

WEB, WORKER, OUTBOX = DatabaseRole.WEB, DatabaseRole.WORKER, DatabaseRole.OUTBOX
BRIDGE, CONTROLLER, ADMIN = DatabaseRole.BRIDGE, DatabaseRole.CONTROLLER, DatabaseRole.ADMIN
NOTIFIER = DatabaseRole.NOTIFIER

S, I, U, D = "SELECT", "INSERT", "UPDATE", "DELETE"  # noqa: E741 (a matrix is read by its letters)

GRANTS: Final[dict[str, dict[DatabaseRole, set[str]]]] = {
    "ai_worker_node": {WORKER: {S, I, U}, CONTROLLER: {S, I, U, D}},
    "audit_log": {WEB: {S, I}, ADMIN: {S, I}},
    "blocked_caller": {BRIDGE: {S}, ADMIN: {S, I, D}},
    "busy_state": {WEB: {S, I, U}, WORKER: {S}, ADMIN: {S}},
    "call": {CONTROLLER: {S, I, U, D}, ADMIN: {S, U}},
    "call_turn": {CONTROLLER: {S, I, D}, ADMIN: {S, D}},
    "carrier": {BRIDGE: {S}, CONTROLLER: {S, U}, ADMIN: {S, I, U}},
    "combined_table": {WEB: {S}, WORKER: {S}, ADMIN: {S}},
    "consent": {NOTIFIER: {S}, ADMIN: {S}},
    "controller_lease": {CONTROLLER: {S, I, U}},
    "customer": {WORKER: {S, I, U}, NOTIFIER: {S}, CONTROLLER: {S, D}, ADMIN: {S, D}},
    "dining_area": {WEB: {S}, WORKER: {S}, ADMIN: {S}},
    "dining_table": {WEB: {S}, WORKER: {S}, ADMIN: {S}},
    "device": {WEB: {S, I, U}, ADMIN: {S}},
    "erasure_certificate": {ADMIN: {S, I}},
    "delivery_zone": {WEB: {S, I, U, D}, WORKER: {S}, ADMIN: {S, I, U, D}},
    "event_outbox": {
        WEB: {S, I},
        WORKER: {S, I},
        OUTBOX: {S},
        BRIDGE: {S, I},
        CONTROLLER: {S, D},
        ADMIN: {S},
    },
    "hash_key": {NOTIFIER: {S}, ADMIN: {S, I, U}},
    "ingredient": {WORKER: {S}, ADMIN: {S, I, U, D}},
    "invitation": {WEB: {S, I, U}, ADMIN: {S, I, U}},
    "invoice": {ADMIN: {S, I}},
    "invoice_counter": {ADMIN: {S, I, U}},
    "invoice_line": {ADMIN: {S, I}},
    "invoice_recipient": {ADMIN: {S, I, U}},
    "invoice_usage": {ADMIN: {S, I}},
    "item_ingredient": {WORKER: {S}, ADMIN: {S, I, U, D}},
    "item_option_group": {WORKER: {S}, ADMIN: {S, I, U, D}},
    "membership": {WEB: {S, I, U, D}, ADMIN: {S, I, U}},
    "menu_category": {WORKER: {S}, ADMIN: {S, I, U, D}},
    "menu_version": {ADMIN: {S, I}},
    "menu_item": {WORKER: {S}, ADMIN: {S, I, U, D}},
    "opening_exception": {WEB: {S}, WORKER: {S}, ADMIN: {S}},
    "opening_rule": {WEB: {S}, WORKER: {S}, ADMIN: {S}},
    "notification": {
        WEB: {S, I},
        WORKER: {S, I},
        NOTIFIER: {S, I, U},
        CONTROLLER: {S, D},
        ADMIN: {S, D},
    },
    "option": {WORKER: {S}, ADMIN: {S, I, U, D}},
    "option_group": {WORKER: {S}, ADMIN: {S, I, U, D}},
    "order": {
        WEB: {S, U},
        WORKER: {S, I, U},
        NOTIFIER: {S},
        CONTROLLER: {S, U},
        ADMIN: {S, U},
    },
    "order_allergy": {WEB: {S, U}, WORKER: {S, I}, CONTROLLER: {S, D}, ADMIN: {S, D}},
    "order_event": {WEB: {S, I}, WORKER: {S, I}, ADMIN: {S}},
    "order_line": {WEB: {S}, WORKER: {S, I}, ADMIN: {S}},
    "order_vat_line": {WEB: {S}, WORKER: {S, I}, ADMIN: {S}},
    "organisation": {WEB: {S, I, U}, ADMIN: {S}},
    "organisation_restaurant": {WEB: {S, I, U, D}, ADMIN: {S}},
    "passkey": {WEB: {S, I, U, D}},
    "pacing_rule": {WEB: {S}, WORKER: {S}, ADMIN: {S}},
    "plan": {CONTROLLER: {S}, ADMIN: {S, I}},
    "reservation": {
        WEB: {S, I, U},
        WORKER: {S, I, U},
        NOTIFIER: {S},
        CONTROLLER: {S, U},
        ADMIN: {S, U},
    },
    "reservation_event": {WEB: {S, I}, WORKER: {S, I}, ADMIN: {S}},
    "reservation_shift": {WEB: {S}, WORKER: {S}, ADMIN: {S}},
    "restaurant": {
        WEB: {S},
        WORKER: {S},
        BRIDGE: {S},
        NOTIFIER: {S},
        CONTROLLER: {S},
        ADMIN: {S, U},
    },
    "sip_bridge_node": {BRIDGE: {S, U}, CONTROLLER: {S, I, U, D}, ADMIN: {S, U}},
    "sip_registration": {BRIDGE: {S, U}, CONTROLLER: {S, U}, ADMIN: {S, I, U}},
    "sip_registration_event": {BRIDGE: {S, I}, CONTROLLER: {S, I, D}, ADMIN: {S}},
    "slot_counter": {WEB: {S, I, U, D}, WORKER: {S, I, U, D}},
    "slot_use": {WEB: {S, I, U, D}, WORKER: {S, I, U, D}},
    "subscription": {CONTROLLER: {S}, ADMIN: {S, I, U}},
    "suppression": {NOTIFIER: {S}, ADMIN: {S, I}},
    "table_assignment": {WEB: {S, I, U}, WORKER: {S, I, U}, ADMIN: {S}},
    "table_combination": {WEB: {S}, WORKER: {S}, ADMIN: {S}},
    "transfer_target": {WORKER: {S}, BRIDGE: {S}, ADMIN: {S, I, U, D}},
    "turn_time": {WEB: {S}, WORKER: {S}, ADMIN: {S}},
    "usage_record": {CONTROLLER: {S, I}, ADMIN: {S, I}},
    "user_account": {WEB: {S, I, U}, ADMIN: {S, I, U}},
    "user_session": {WEB: {S, I, U}, ADMIN: {S, U}},
    "voice_message": {WEB: {S, U}, BRIDGE: {S, I, D}, CONTROLLER: {S, D}, ADMIN: {S, D}},
}
