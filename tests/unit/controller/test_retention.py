"""Every table with a restaurant's words is deleted or forgotten after a time, or is said to hold
nothing of a caller: a new table is in one list or the other.
"""

from typing import Final

import pytest
from sqlalchemy import ARRAY, JSON, Text

from controlplane.controller import housekeeping
from controlplane.models.registry import Base

pytestmark = pytest.mark.unit

HOLDS_NO_CALLER: Final = frozenset(
    """
    api_token availability_window busy_state delivery_zone dining_area dining_table device faq
    hash_key
    ingredient menu_category menu_draft menu_item menu_version opening_exception opening_rule option
    option_group pacing_rule printer reservation_shift restaurant_prompt table_combination
    escalation_step membership sip_registration transfer_target
    order_event order_line reservation_event webhook_endpoint
    """.split()
)
"""They are the restaurant's own, or what became of an order, without saying whose it was."""
KEPT_ON_PURPOSE: Final = {
    "audit_log": "append-only, without words that say who somebody is",
    "blocked_caller": "the restaurant refuses the number until it says otherwise",
    "consent": "goes with its customer",
    "erasure_certificate": "proves an erasure, by a hash",
    "invoice": "kept for ten years (Code de commerce, art. L123-22)",
    "invoice_line": "kept for ten years",
    "invoice_recipient": "the restaurant itself",
    "payment_account": "the restaurant's own",
    "payment_link": "an order's, without name or number",
    "payment_movement": "kept for ten years, without name or number",
    "platform_view": "who of the platform looked, and why: the restaurant may ask",
    "suppression": "keeps a number from coming back, by a hash",
    "usage_record": "what an invoice is worked out from",
}


def words() -> set[str]:
    """Tables of tenants that hold text or JSON."""
    return {
        table.name
        for table in Base.metadata.tables.values()
        if "restaurant_id" in table.c
        and any(isinstance(column.type, Text | JSON | ARRAY) for column in table.c)
    }


def test_no_table_with_words_is_kept_for_ever_by_oversight() -> None:
    pruned = {table for table, *_ in (*housekeeping._KEPT, *housekeeping._STALE)}
    pruned |= {kept[0].strip('"') for kept, *_ in housekeeping._FORGOTTEN}
    assert not pruned & (HOLDS_NO_CALLER | KEPT_ON_PURPOSE.keys())
    assert words() - pruned - HOLDS_NO_CALLER - KEPT_ON_PURPOSE.keys() == set()
