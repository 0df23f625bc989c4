"""The dining room is set up by a manager."""

from tests.integration.webapp.access.matrix import Row, least_manager

ROOM = "/place/{restaurant_id}/config/room"


def first(_site: object) -> dict[str, str]:
    return {"at": "new"}


ROWS = [
    Row("GET", ROOM, least_manager(200)),
    Row("GET", f"{ROOM}/areas/{{at}}", least_manager(200), ids=first),
    Row("POST", f"{ROOM}/areas/{{at}}", least_manager(409), ids=first),
    Row("POST", f"{ROOM}/areas/{{at}}/remove", least_manager(409), ids=first),
    Row("GET", f"{ROOM}/combinations", least_manager(200)),
    Row("POST", f"{ROOM}/combinations", least_manager(409)),
    Row("GET", f"{ROOM}/services/{{at}}", least_manager(200), ids=first),
    Row("POST", f"{ROOM}/services/{{at}}", least_manager(409), ids=first),
    Row("POST", f"{ROOM}/services/{{at}}/remove", least_manager(409), ids=first),
]
