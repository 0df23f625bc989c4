"""The JSON API, an application of its own below the site: `/api/v1`, with its OpenAPI document and
a page generated from it.
"""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse

from controlplane.restaurants.webhook_queue import MOST_ATTEMPTS
from controlplane.restaurants.webhooks import TOPICS
from webapp.api import orders, people, reservations
from webapp.api.access import MOST_A_MINUTE
from webapp.api.documentation import fields_of, operations_of
from webapp.api.problems import MEDIA_TYPE, add_handlers
from webapp.site import Site

PATH: Final = "/api/v1"
VERSION: Final = "1.0.0"
DESCRIPTION: Final = """\
A restaurant's orders, menu, reservations, customers and calls, for its till and its website.
Tokens and webhooks are made on the page « API » of the restaurant. Amounts are integer cents, VAT
rates basis points, instants ISO 8601, telephone numbers E.164."""


def create_api(site: Site) -> FastAPI:
    """Make the application; it shares the site's sessions, Redis and templates."""
    api = FastAPI(
        title="AlloResto", version=VERSION, openapi_url=None, docs_url=None, redoc_url=None
    )
    api.state.site = site
    for each in (orders.router, reservations.router, people.router):
        api.include_router(each)
    add_handlers(api)
    document = _document(api)

    async def openapi() -> JSONResponse:
        return JSONResponse(document)

    async def docs() -> HTMLResponse:
        page = site.templates.get_template("api/docs.html")
        html = page.render(
            api=document,
            operations=operations_of(document),
            fields_of=fields_of,
            path=PATH,
            pace=MOST_A_MINUTE,
            topics=TOPICS,
            attempts=MOST_ATTEMPTS,
        )
        return HTMLResponse(html)

    api.add_api_route("/openapi.json", openapi, include_in_schema=False)
    api.add_api_route("/docs", docs, include_in_schema=False)
    return api


def _document(api: FastAPI) -> dict[str, Any]:
    """The OpenAPI document: problems have their own media type."""
    document = get_openapi(
        title=api.title,
        version=VERSION,
        description=DESCRIPTION,
        routes=api.routes,
        servers=[{"url": PATH}],
    )
    for operation in (op for path in document["paths"].values() for op in path.values()):
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                answer["content"] = {MEDIA_TYPE: answer["content"].pop("application/json")}
    for unused in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(unused, None)
    return document
