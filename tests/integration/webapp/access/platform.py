"""The back office is for the platform's people; for everybody else it is not there."""

from tests.integration.webapp.access.matrix import Row, platform_alone
from tests.integration.webapp.site_under_test import SiteUnderTest

OFFICE = "/plateforme"


def this_restaurant(site: SiteUnderTest) -> dict[str, str]:
    return {"restaurant_id": str(site.restaurant)}


ROWS = [
    Row("GET", OFFICE, platform_alone(303)),
    *(
        Row("GET", f"{OFFICE}/{page}", platform_alone(200))
        for page in ("ponts", "lignes", "agents", "appels", "restaurants", "operateurs")
    ),
    Row("GET", f"{OFFICE}/lignes/{{gateway}}", platform_alone(404)),
    Row("GET", f"{OFFICE}/restaurants/{{restaurant_id}}", platform_alone(200), ids=this_restaurant),
    Row("POST", f"{OFFICE}/restaurants/{{restaurant_id}}/look", platform_alone(422)),
    Row("POST", f"{OFFICE}/restaurants/{{restaurant_id}}/stop", platform_alone(303)),
]
