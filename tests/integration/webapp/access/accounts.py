"""Routes of accounts: some are anybody's, some a signed-in user's, whatever restaurants they have.

A tablet is nobody who signs in: it is sent to the sign-in page, as an anonymous visitor is.
"""

from controlplane.contracts.identifiers import new_id
from tests.integration.webapp.access.matrix import Row, Statuses, everybody


def signed_in(status: int) -> Statuses:
    """Users, whichever restaurant is theirs."""
    return {**everybody(status), "anonymous": 303, "tablet": 303}


NOBODY = {"email": f"{new_id()}@example.fr", "password": "x"}
NOBODYS_KEY = {"credential": "AAAA"}

ROWS = [
    Row("GET", "/login", {**everybody(303), "anonymous": 200, "tablet": 200}),
    Row("POST", "/login", everybody(422), form=NOBODY),
    Row("GET", "/login/code", everybody(303)),
    Row("POST", "/login/code", everybody(303)),
    Row("POST", "/logout", everybody(303), unless="it ends the session that other rows need"),
    Row("POST", "/login/passkey/options", everybody(200)),
    Row("POST", "/login/passkey", everybody(422)),
    Row("GET", "/reset", everybody(200)),
    Row("POST", "/reset", everybody(422), form={"email": "nobody"}),
    Row("GET", "/reset/{token}", everybody(404)),
    Row("POST", "/reset/{token}", everybody(404), form={"password": "long enough for all"}),
    Row("GET", "/invitation/{token}", everybody(404)),
    Row("POST", "/invitation/{token}", everybody(404)),
    Row("GET", "/", signed_in(303)),
    Row("GET", "/places", signed_in(200)),
    Row("POST", "/language", everybody(303), form={"language": "en"}),
    Row("GET", "/pair", everybody(200)),
    Row("POST", "/pair", everybody(422), form={"code": "0"}),
    Row("GET", "/account", signed_in(200)),
    Row("POST", "/account/name", signed_in(422)),
    Row("POST", "/account/password", signed_in(422), form={"current": "wrong"}),
    Row("POST", "/account/sessions/{session_id}/revoke", signed_in(303)),
    Row("POST", "/account/sessions/others/revoke", signed_in(303)),
    Row("GET", "/account/confirm", signed_in(200)),
    Row("POST", "/account/confirm", signed_in(422), form={"password": "wrong"}),
    Row("POST", "/account/confirm/passkey/options", signed_in(200)),
    Row("POST", "/account/confirm/passkey", signed_in(422)),
    Row("GET", "/account/codes", signed_in(200)),
    Row("POST", "/account/codes", signed_in(422), form={"code": "0"}),
    Row("POST", "/account/codes/forget", signed_in(303)),
    Row("POST", "/account/passkeys/options", signed_in(200)),
    Row("POST", "/account/passkeys", signed_in(422)),
    Row("POST", "/account/passkeys/{credential}/remove", signed_in(303), ids=lambda _: NOBODYS_KEY),
]
