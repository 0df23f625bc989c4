"""The kitchen's routes open by the key in their link: a visitor's cookies open nothing there."""

from tests.integration.webapp.access.matrix import Row, everybody

KITCHEN = "/place/{restaurant_id}/kitchen"

ROWS = [
    Row("GET", KITCHEN, everybody(404)),
    Row("GET", f"{KITCHEN}/events", everybody(404)),
    Row("POST", f"{KITCHEN}/orders/{{order_id}}/{{to}}", everybody(404)),
    Row("POST", f"{KITCHEN}/orders/{{order_id}}/allergy/seen", everybody(404)),
    Row("POST", f"{KITCHEN}/messages/{{message_id}}/heard", everybody(404)),
    Row("GET", "/place/{restaurant_id}/messages/{message_id}.wav", everybody(404)),
]
