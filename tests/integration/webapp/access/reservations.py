"""Reservations are the whole team's: whoever works there takes, moves and ends them."""

from tests.integration.webapp.access.matrix import Row, least_staff

RESERVATIONS = "/place/{restaurant_id}/reservations"
ONE = f"{RESERVATIONS}/{{reservation_id}}"

ROWS = [
    Row("GET", RESERVATIONS, least_staff(200)),
    Row("GET", f"{RESERVATIONS}/new", least_staff(200)),
    Row("POST", f"{RESERVATIONS}/new", least_staff(422)),
    Row("GET", ONE, least_staff(404)),
    Row("GET", f"{ONE}/end/{{to}}", least_staff(404)),
    Row("POST", f"{ONE}/to/{{to}}", least_staff(404)),
    Row("POST", f"{ONE}/promote", least_staff(404)),
    Row("POST", f"{ONE}/offer", least_staff(404)),
    Row("POST", f"{ONE}/change", least_staff(404)),
    Row("POST", f"{ONE}/guest", least_staff(404)),
    Row("POST", f"{ONE}/move", least_staff(404)),
    Row("POST", f"{ONE}/stay", least_staff(404)),
]
