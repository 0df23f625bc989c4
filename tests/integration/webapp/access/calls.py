"""Who may look at calls, and say what was wrong in them."""

from tests.integration.webapp.access.matrix import Row, least_staff

CALLS = "/place/{restaurant_id}/calls"
ONE = CALLS + "/{call_id}"
ROWS = [
    Row("GET", "/place/{restaurant_id}/messages", least_staff(200)),
    Row("POST", "/place/{restaurant_id}/messages/{message_id}/heard", least_staff(404)),
    Row("GET", CALLS, least_staff(200)),
    Row("GET", ONE, least_staff(404)),
    Row("GET", ONE + "/wrong", least_staff(404)),
    Row("POST", ONE + "/take", least_staff(404)),
    Row("GET", ONE + "/end", least_staff(404)),
    Row("POST", ONE + "/end", least_staff(404)),
    Row("POST", ONE + "/wrong", least_staff(404), form={"kind": "tone"}),
]
