"""Customers are for managers; a copy of all that is known and an erasure for the owner, whose
password was asked for minutes ago.
"""

from tests.integration.webapp.access.matrix import Row, least_manager, least_owner

CUSTOMERS = "/place/{restaurant_id}/customers"
NUMBER = {"number": "06 39 98 77 99"}

ROWS = [
    Row("GET", CUSTOMERS, least_manager(200)),
    Row("GET", f"{CUSTOMERS}/blocked", least_manager(200)),
    Row("POST", f"{CUSTOMERS}/blocked", least_manager(303), form=NUMBER),
    Row("POST", f"{CUSTOMERS}/unblocked", least_manager(303), form=NUMBER),
    Row("GET", f"{CUSTOMERS}/{{customer_id}}", least_manager(404)),
    Row("POST", f"{CUSTOMERS}/{{customer_id}}/block", least_manager(404)),
    Row("POST", f"{CUSTOMERS}/{{customer_id}}/unblock", least_manager(404)),
    Row("GET", f"{CUSTOMERS}/rights", least_owner(200)),
    Row("POST", f"{CUSTOMERS}/rights/export", least_owner(200), form=NUMBER),
    Row("POST", f"{CUSTOMERS}/rights/erase", least_owner(422), form=NUMBER),
]
