"""From the draft to the menu that callers are told, and the way back to older versions."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from controlplane.restaurants.errors import UnknownMenuVersion
from controlplane.restaurants.menu_drafts import discard_draft, publish_draft, read_draft
from controlplane.restaurants.menu_errors import (
    MenuChangedSince,
    MenuDraftChanged,
    MenuHasErrors,
    NoMenuDraft,
    UnreadableMenuVersion,
)
from controlplane.restaurants.menu_versions import (
    Published,
    changes_since,
    newest_number,
    restore_menu,
    undo_menu,
)
from controlplane.restaurants.setup_errors import ChangedMeanwhile
from controlplane.restaurants.voice_lint.findings import Severity
from webapp.forms import Form, read_whole
from webapp.menu.cards import findings_of, links_of
from webapp.menu.changes import shown_changes
from webapp.menu.page import menu_page_of
from webapp.menu.queries import read_versions
from webapp.menu.words import sentence
from webapp.place import ManagerHere, Place
from webapp.words import _

LISTED_VERSIONS = 200

router = APIRouter(prefix="/place/{restaurant_id}/menu", include_in_schema=False)


@router.get("/publish")
async def publish_page(place: ManagerHere) -> Response:
    """Show what publishing the draft would change, and what of it goes wrong on the telephone."""
    return await _publish_page(place)


@router.post("/publish")
async def publish(place: ManagerHere, request: Request) -> Response:
    """Make the draft the menu, as it was looked at."""
    form = await Form.read(request)
    revision = read_whole(form.text("revision"))
    try:
        async with place.session() as session, session.begin():
            published = await publish_draft(
                session,
                place.restaurant_id,
                revision=revision or 0,
                over_changes=form.ticked("over"),
                actor=place.actor,
            )
    except (MenuDraftChanged, MenuChangedSince, MenuHasErrors) as error:
        return await _publish_page(place, problem=sentence(error), status=409)
    except (NoMenuDraft, UnreadableMenuVersion) as error:
        return place.back("/menu", said=sentence(error))
    return place.back("/menu", said=_said(published))


@router.post("/discard")
async def discard(place: ManagerHere) -> Response:
    """Throw the draft away."""
    try:
        async with place.session() as session, session.begin():
            await discard_draft(session, place.restaurant_id, actor=place.actor)
    except NoMenuDraft as error:
        return place.back("/menu", said=sentence(error))
    return place.back("/menu", said=_("Brouillon abandonné : la carte publiée n’a pas changé."))


@router.get("/versions")
async def versions_page(place: ManagerHere) -> HTMLResponse:
    """List the published versions, newest first."""
    return await _versions_page(place)


@router.get("/versions/{number}")
async def version_page(number: int, place: ManagerHere) -> HTMLResponse:
    """Show what differs between an older version and the menu now."""
    problem, changes = "", []
    async with place.session() as session:
        newest = await newest_number(session, place.restaurant_id)
        try:
            since = await changes_since(session, place.restaurant_id, number)
            changes = shown_changes(since)
        except UnreadableMenuVersion as error:
            problem = sentence(error)
    return menu_page_of(
        place, "version.html", number=number, newest=newest, changes=changes, problem=problem
    )


@router.post("/versions/{number}/restore")
async def restore(number: int, place: ManagerHere) -> Response:
    """Publish an older version again."""
    try:
        async with place.session() as session, session.begin():
            published = await restore_menu(session, place.restaurant_id, number, actor=place.actor)
    except UnreadableMenuVersion as error:
        return await _versions_page(place, problem=sentence(error), status=409)
    return place.back("/menu", said=_said(published))


@router.post("/undo")
async def undo(place: ManagerHere, request: Request) -> Response:
    """Publish the menu as it was before the last change that the page showed."""
    over = read_whole((await Form.read(request)).text("over"))
    try:
        async with place.session() as session, session.begin():
            published = await undo_menu(
                session, place.restaurant_id, over=over or 0, actor=place.actor
            )
    except ChangedMeanwhile:
        said = _("La carte a été publiée entre-temps. Vérifiez laquelle est en cours.")
        return place.back("/menu/versions", said=said)
    except (UnknownMenuVersion, UnreadableMenuVersion) as error:
        return await _versions_page(place, problem=sentence(error), status=409)
    return place.back("/menu", said=_said(published))


async def _publish_page(place: Place, *, problem: str = "", status: int = 200) -> Response:
    try:
        async with place.session() as session:
            draft = await read_draft(session, place.restaurant_id)
            newest = await newest_number(session, place.restaurant_id)
    except (NoMenuDraft, UnreadableMenuVersion) as error:
        stays = isinstance(error, UnreadableMenuVersion)
        return menu_page_of(place, "no_draft.html", problem=sentence(error), discards=stays)
    findings = await findings_of(draft.document)
    return menu_page_of(
        place,
        "publish.html",
        status=status,
        revision=draft.revision,
        changes=shown_changes(draft.changes),
        taken_back=shown_changes(draft.taken_back),
        errors=[each for each in findings if each.severity is Severity.ERROR],
        warnings=[each for each in findings if each.severity is Severity.WARNING],
        links=links_of(draft.document, draft.dish_ids),
        next_number=(newest or 0) + 1,
        problem=problem,
    )


async def _versions_page(place: Place, *, problem: str = "", status: int = 200) -> HTMLResponse:
    async with place.session() as session:
        versions = await read_versions(session, place.restaurant_id, limit=LISTED_VERSIONS)
    return menu_page_of(
        place,
        "versions.html",
        status=status,
        versions=versions,
        problem=problem,
        now=datetime.now(UTC).astimezone(place.zone),
    )


def _said(published: Published) -> str:
    number = published.number
    if not published.changes:
        return _("Rien n’a changé : la version %(number)s était déjà celle-ci.", number=number)
    return _("Version %(number)s publiée : l’IA la suit dès le prochain appel.", number=number)
