"""Who may see the menu, mark what has run out, edit and publish."""

from tests.integration.webapp.access.matrix import Row, least_manager, least_staff

MENU = "/place/{restaurant_id}/menu"

ROWS = [
    Row("GET", MENU, least_staff(200)),
    Row("GET", f"{MENU}/print", least_manager(200)),
    Row("GET", f"{MENU}/carte.json", least_manager(200)),
    Row("GET", f"{MENU}/items/new", least_manager(200)),
    Row("POST", f"{MENU}/items/new", least_manager(422)),
    Row("GET", f"{MENU}/items/{{item_id}}", least_manager(404)),
    Row("POST", f"{MENU}/items/{{item_id}}", least_manager(422)),
    Row("POST", f"{MENU}/items/{{item_id}}/remove", least_manager(404)),
    Row("POST", f"{MENU}/items/{{item_id}}/move", least_manager(404)),
    Row("GET", f"{MENU}/category", least_manager(200)),
    Row("POST", f"{MENU}/category", least_manager(422)),
    Row("POST", f"{MENU}/category/remove", least_manager(404)),
    Row("POST", f"{MENU}/category/move", least_manager(404)),
    Row("GET", f"{MENU}/options", least_manager(200)),
    Row("POST", f"{MENU}/options", least_manager(422)),
    Row("POST", f"{MENU}/options/remove", least_manager(404)),
    Row("POST", f"{MENU}/items/{{item_id}}/photo", least_manager(303)),
    Row("POST", f"{MENU}/items/{{item_id}}/photo/remove", least_manager(404)),
    Row(
        "GET",
        f"{MENU}/photos/{{photo_id}}/{{size}}.webp",
        least_staff(404),
        ids=lambda _site: {"size": "small"},
    ),
    Row(
        "POST",
        f"{MENU}/stock/{{what}}/{{id}}",
        least_staff(404),
        ids=lambda _site: {"what": "dish"},
    ),
    Row("POST", f"{MENU}/items/{{item_id}}/portions", least_staff(404)),
    Row("GET", f"{MENU}/import", least_manager(200)),
    Row("POST", f"{MENU}/import", least_manager(422)),
    Row("GET", f"{MENU}/import/{{token}}", least_manager(303)),
    Row("POST", f"{MENU}/import/{{token}}", least_manager(303)),
    Row("GET", f"{MENU}/publish", least_manager(200)),
    Row("POST", f"{MENU}/publish", least_manager(303)),
    Row("POST", f"{MENU}/discard", least_manager(303)),
    Row("GET", f"{MENU}/versions", least_manager(200)),
    Row("GET", f"{MENU}/versions/{{number}}", least_manager(404)),
    Row("POST", f"{MENU}/versions/{{number}}/restore", least_manager(404)),
    Row("POST", f"{MENU}/undo", least_manager(409)),
]
