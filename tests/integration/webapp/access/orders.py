"""Orders are for all who work at the restaurant, and for no tablet: it has the kitchen."""

from tests.integration.webapp.access.matrix import Row, least_staff

ORDERS = "/place/{restaurant_id}/orders"

ROWS = [
    Row("GET", ORDERS, least_staff(200)),
    Row("GET", f"{ORDERS}/new", least_staff(200)),
    Row("POST", f"{ORDERS}/new", least_staff(200)),
    Row("GET", f"{ORDERS}/{{order_id}}", least_staff(404)),
    Row("POST", f"{ORDERS}/{{order_id}}/status", least_staff(404), form={"to": "accepted"}),
    Row("POST", f"{ORDERS}/{{order_id}}/allergy", least_staff(404)),
    Row("GET", f"{ORDERS}/{{order_id}}/reject", least_staff(404)),
    Row(
        "POST",
        f"{ORDERS}/{{order_id}}/reject",
        least_staff(404),
        form={"seen": "placed", "reason": "sold_out"},
    ),
]
