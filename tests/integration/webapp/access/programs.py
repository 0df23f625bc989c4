"""Tokens and webhooks are the owner's, whose password was typed a moment ago."""

from tests.integration.webapp.access.matrix import Row, least_owner

PROGRAMS = "/place/{restaurant_id}/config/api"

ROWS = [
    Row("GET", PROGRAMS, least_owner(200)),
    Row("POST", f"{PROGRAMS}/tokens", least_owner(422)),
    Row("POST", f"{PROGRAMS}/tokens/{{token_id}}/revoke", least_owner(404)),
    Row("POST", f"{PROGRAMS}/webhooks", least_owner(422)),
    Row("POST", f"{PROGRAMS}/webhooks/{{endpoint_id}}/remove", least_owner(404)),
    Row("POST", f"{PROGRAMS}/deliveries/{{delivery_id}}/replay", least_owner(404)),
]
