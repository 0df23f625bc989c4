"""Routes of the team, its tablets, the audit log and "Plus"."""

from tests.integration.webapp.access.matrix import Row, least_manager, least_owner, least_staff

TEAM = "/place/{restaurant_id}/team"

ROWS = [
    Row("GET", TEAM, least_owner(200)),
    Row("POST", f"{TEAM}/invitations", least_owner(422), form={"email": "nobody"}),
    Row("POST", f"{TEAM}/invitations/{{invitation_id}}/resend", least_owner(303)),
    Row("POST", f"{TEAM}/invitations/{{invitation_id}}/revoke", least_owner(303)),
    Row("GET", f"{TEAM}/members/{{user_id}}", least_owner(404)),
    Row("POST", f"{TEAM}/members/{{user_id}}/role", least_owner(404), form={"role": "staff"}),
    Row("POST", f"{TEAM}/members/{{user_id}}/remove", least_owner(404)),
    Row("POST", f"{TEAM}/members/{{user_id}}/own", least_owner(404)),
    Row("POST", f"{TEAM}/devices", least_owner(422), form={"name": " "}),
    Row("GET", f"{TEAM}/devices/{{device_id}}", least_owner(404)),
    Row("POST", f"{TEAM}/devices/{{device_id}}/revoke", least_owner(404)),
    Row("GET", "/place/{restaurant_id}/audit", least_manager(200)),
    Row("GET", "/place/{restaurant_id}/more", least_staff(200)),
]
