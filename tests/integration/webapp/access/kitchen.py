"""Who may open the kitchen's pages and press their buttons: members, and the paired tablet."""

from tests.integration.webapp.access.matrix import Row, kitchen, least_manager

NO_END = "a stream does not end; tests/integration/webapp/test_kitchen_stream.py says who gets one"
KITCHEN = "/place/{restaurant_id}/kitchen"
ORDER = f"{KITCHEN}/orders/{{order_id}}"

ROWS: list[Row] = [
    Row("GET", KITCHEN, kitchen(200)),
    Row("GET", f"{KITCHEN}/pickup", kitchen(200)),
    Row("GET", f"{KITCHEN}/availability", kitchen(200)),
    Row(
        "POST",
        f"{KITCHEN}/availability/{{what}}/{{id}}",
        kitchen(404),
        form={"out": "yes"},
        ids=lambda _: {"what": "dish"},
    ),
    Row("GET", f"{KITCHEN}/settings", least_manager(200)),
    Row("POST", f"{KITCHEN}/settings/auto-accept", least_manager(422)),
    Row("POST", f"{KITCHEN}/settings/ages", least_manager(303)),
    Row("GET", "/place/{restaurant_id}/orders/{order_id}/ticket", kitchen(404)),
    Row("POST", "/place/{restaurant_id}/orders/{order_id}/ticket", kitchen(404)),
    Row("GET", "/place/{restaurant_id}/events", kitchen(200), unless=NO_END),
    Row("GET", "/place/{restaurant_id}/messages/{message_id}.wav", kitchen(404)),
    Row("POST", f"{KITCHEN}/busy", kitchen(303), form={"delay": "0"}),
    Row("POST", f"{KITCHEN}/messages/{{message_id}}/heard", kitchen(404)),
    Row("POST", f"{ORDER}/{{to}}", kitchen(404), ids=lambda _: {"to": "accepted"}),
    Row("POST", f"{ORDER}/take-back", kitchen(404), form={"left": "placed"}),
    Row("POST", f"{ORDER}/allergy/seen", kitchen(404)),
    Row("POST", f"{ORDER}/dishes/{{line_id}}/{{part_id}}", kitchen(404), form={"made": "yes"}),
]
