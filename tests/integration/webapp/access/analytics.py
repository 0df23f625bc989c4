"""Who may see what a restaurant earns and spends."""

from tests.integration.webapp.access.matrix import Row, least_manager

PLACE = "/place/{restaurant_id}"
ROWS = [
    Row("GET", PLACE + "/analytics", least_manager(200)),
    Row("GET", PLACE + "/analytics.csv", least_manager(200)),
]
