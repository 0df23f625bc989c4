"""What the site answers when a rule refused, a page is not there, or Postgres is away.

This is the one place that knows both the errors and the statuses. A browser gets a page, everybody
else the sentence alone.
"""

from typing import Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from controlplane.errors import ServiceUnavailable
from controlplane.models.membership import Role
from controlplane.payments.provider import ProviderAway
from controlplane.restaurants.errors import NotFound, RestaurantError
from controlplane.secret_box import SecretUnreadable
from webapp.place import NotAllowed
from webapp.site import the_site
from webapp.visitor import PasswordNeeded, SignInNeeded
from webapp.words import N_, _

_logger = structlog.get_logger()

REFUSED: Final = N_("Requête refusée.")
WHO_MAY: Final = {
    Role.OWNER: N_("Seul un propriétaire peut ouvrir cette page."),
    Role.MANAGER: N_("Seul un responsable ou un propriétaire peut ouvrir cette page."),
    Role.STAFF: N_("Seule l’équipe du restaurant peut ouvrir cette page."),
}


def add_error_handlers(app: FastAPI) -> None:
    """Answer each kind of error at one place."""
    app.add_exception_handler(RequestValidationError, not_found)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(SignInNeeded, elsewhere)
    app.add_exception_handler(PasswordNeeded, elsewhere)
    app.add_exception_handler(NotAllowed, not_allowed)
    app.add_exception_handler(RestaurantError, restaurant_error)
    app.add_exception_handler(ServiceUnavailable, service_away)
    app.add_exception_handler(ProviderAway, provider_away)
    app.add_exception_handler(SecretUnreadable, provider_away)
    app.add_exception_handler(DataError, data_refused)
    app.add_exception_handler(DBAPIError, database_away)
    app.add_exception_handler(PoolTimeoutError, database_away)


async def not_found(request: Request, _error: Exception) -> Response:
    """Answer in the same words for a wrong key, a malformed id and a page that never was."""
    return _say(request, 404, _("Page introuvable."))


async def not_allowed(request: Request, error: Exception) -> Response:
    """Answer a member who may not, and say who may."""
    assert isinstance(error, NotAllowed)
    return _say(request, 403, _(WHO_MAY[error.least]), link=error.place.url())


async def elsewhere(request: Request, error: Exception) -> Response:
    """Lead a browser to where it signs in or confirms; tell everything else that it must."""
    assert isinstance(error, SignInNeeded | PasswordNeeded)
    if _wants_page(request):
        return RedirectResponse(error.location, 303)
    return PlainTextResponse(_("Connectez-vous d’abord."), 401)


async def restaurant_error(request: Request, error: Exception) -> Response:
    """Answer with a status when a rule of the restaurant refused."""
    match error:
        case NotFound():
            return await not_found(request, error)
        case ServiceUnavailable():
            return await database_away(request, error)
        case _:
            return _say(request, 409, _(REFUSED))


async def http_error(request: Request, error: Exception) -> Response:
    """Answer with the status of Starlette's own errors, without its English."""
    if isinstance(error, HTTPException) and error.status_code != 404:
        return _say(request, error.status_code, _(REFUSED), headers=dict(error.headers or {}))
    return await not_found(request, error)


async def provider_away(request: Request, error: Exception) -> Response:
    """Answer that nobody can pay now: Stripe is away, or our keys open no account."""
    _logger.error("payments_away", error=type(error).__name__)
    sentence = _("Le paiement en ligne est momentanément indisponible.")
    return _say(request, 503, sentence, headers={"Retry-After": "10"})


async def service_away(request: Request, error: Exception) -> Response:
    """Answer that Redis, or a key of ours, is away: what would go on uncounted does not go on."""
    _logger.error("service_away", error=str(error))
    return _unavailable(request)


async def data_refused(request: Request, error: Exception) -> Response:
    """Answer to what no column can hold, such as a NUL, or a number of twenty digits in an address:
    nothing is called so. Postgres is not away.
    """
    _logger.warning("data_refused", error=type(error).__name__)
    return await not_found(request, error)


async def database_away(request: Request, error: Exception) -> Response:
    """Answer that Postgres is away; the page tries again by itself."""
    _logger.error("database_away", error=type(error).__name__)
    return _unavailable(request)


def _unavailable(request: Request) -> Response:
    sentence = _("Service momentanément indisponible.")
    return _say(request, 503, sentence, headers={"Retry-After": "2"})


def _say(
    request: Request,
    status: int,
    sentence: str,
    *,
    link: str = "/",
    headers: dict[str, str] | None = None,
) -> Response:
    if not _wants_page(request):
        return PlainTextResponse(sentence, status, headers)
    html = (
        the_site(request)
        .templates.get_template("layout/message.html")
        .render(title=sentence, sentence=_advice(status), link=link, link_name=_("Revenir"))
    )
    return HTMLResponse(html, status, headers)


def _advice(status: int) -> str:
    if status == 403:
        return _("Demandez-lui, ou connectez-vous avec son compte.")
    if status == 404:
        return _("L’adresse est fausse, ou la page n’existe plus.")
    if status >= 500:
        return _("Rien n’est perdu : réessayez dans quelques secondes.")
    return _("Revenez à la page précédente : elle dit où en sont les choses.")


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")
