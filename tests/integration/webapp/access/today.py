"""Who may see the day, and settle what is to be done."""

from tests.integration.webapp.access.matrix import Row, least_staff

PLACE = "/place/{restaurant_id}"
ROWS = [
    Row("GET", PLACE, least_staff(200)),
    Row("POST", PLACE + "/busy", least_staff(303), form={"delay": "15"}),
    Row("GET", PLACE + "/tasks", least_staff(200)),
    Row(
        "POST", PLACE + "/tasks/{task_id}/{to}", least_staff(404), ids=lambda _site: {"to": "done"}
    ),
]
