"""Pages of the dining room, with the tables and the service of the reservations' pages."""

from tests.integration.webapp.pages.page import Page
from tests.integration.webapp.pages.reservations import an_evening

ROOM = "/place/{restaurant}/config/room"

PAGES = [
    Page("room/room", ROOM, "manager", an_evening),
    Page("room/area", f"{ROOM}/areas/0", "manager", an_evening),
    Page("room/combinations", f"{ROOM}/combinations", "manager", an_evening),
    Page("room/service", f"{ROOM}/services/0", "manager", an_evening),
    Page("room/new-service", f"{ROOM}/services/new", "manager"),
]
