"""A menu from a file, a photo or a PDF: columns are chosen, what it would change is looked at, and
it becomes the draft. Nothing of a file is ever published by itself.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from controlplane.menu_pictures.errors import PictureUnread
from controlplane.menu_pictures.vision import MenuVision, is_picture
from controlplane.restaurants.menu_changes import changes_between
from controlplane.restaurants.menu_document import MenuDocument
from controlplane.restaurants.menu_drafts import read_working_menu, save_draft
from controlplane.restaurants.menu_errors import MenuDraftChanged
from controlplane.restaurants.menu_files.guess import guess_columns, mapping_of
from controlplane.restaurants.menu_files.mapping import OWN, Column
from controlplane.restaurants.menu_files.problems import MenuFileRefused, Problem
from controlplane.restaurants.menu_files.read_file import (
    MOST_BYTES,
    FileColumn,
    read_columns,
    read_menu_file,
)
from controlplane.restaurants.menu_rows import read_document
from controlplane.restaurants.photo_file import MOST_PHOTO_BYTES, PhotoRefused
from webapp.forms import Form, Upload, read_upload, read_whole
from webapp.menu.cards import findings_of
from webapp.menu.changes import shown_changes
from webapp.menu.page import menu_page_of
from webapp.menu.uploads import (
    forget_upload,
    keep_upload,
    kept_upload,
    shown_name,
)
from webapp.menu.words import COLUMNS, sentence
from webapp.place import ManagerHere, Place
from webapp.words import _

router = APIRouter(prefix="/place/{restaurant_id}/menu/import", include_in_schema=False)

SHOWN_CHANGES = 100
_MOST_READ = max(MOST_BYTES, MOST_PHOTO_BYTES)


def the_vision(request: Request) -> MenuVision | None:
    vision: MenuVision | None = request.app.state.menu_vision
    return vision


VisionHere = Annotated[MenuVision | None, Depends(the_vision)]


@router.get("")
async def import_page(place: ManagerHere, vision: VisionHere) -> HTMLResponse:
    """Show what may be imported."""
    return _upload_page(place, vision)


@router.post("")
async def upload(place: ManagerHere, vision: VisionHere, request: Request) -> Response:
    """Take a file in; what is none is refused with what to change."""
    sent = await read_upload(request, "file", most_bytes=_MOST_READ)
    if sent is None:
        return _upload_page(place, vision, problem=_("Choisissez d’abord un fichier."))
    data = sent.data
    try:
        if is_picture(data):
            if vision is None:
                return _upload_page(place, vision, problem=_without_key())
            data = await vision.read(data)
        await asyncio.to_thread(read_columns, data)
    except (PictureUnread, PhotoRefused) as error:
        return _upload_page(place, vision, problem=sentence(error))
    except MenuFileRefused as refused:
        return _upload_page(place, vision, problems=refused.problems, left_out=refused.left_out)
    kept = Upload(shown_name(sent.name), data)
    token = await keep_upload(place.site.redis, place.restaurant_id, kept)
    return place.back(f"/menu/import/{token}")


@router.get("/{token}")
async def preview(token: str, place: ManagerHere, request: Request) -> Response:
    """Show the file's columns, and what the menu would be."""
    kept = await kept_upload(place.site.redis, place.restaurant_id, token)
    if kept is None:
        return place.back("/menu/import", said=_gone())
    return await _preview(place, token, kept, request.query_params)


@router.post("/{token}")
async def make_draft(token: str, place: ManagerHere, request: Request) -> Response:
    """Keep what was looked at as the draft."""
    kept = await kept_upload(place.site.redis, place.restaurant_id, token)
    if kept is None:
        return place.back("/menu/import", said=_gone())
    form = await Form.read(request)
    reading = await asyncio.to_thread(_read, kept.data, form.values)
    revision = read_whole(form.text("revision"))
    if reading.document is None or revision is None:
        return await _preview(place, token, kept, form.values, status=422)
    try:
        async with place.session() as session, session.begin():
            await save_draft(
                session,
                place.restaurant_id,
                reading.document,
                over=revision,
                source=kept.name,
                actor=place.actor,
            )
    except MenuDraftChanged as error:
        problem = sentence(error)
        return await _preview(place, token, kept, form.values, problem=problem, status=409)
    await forget_upload(place.site.redis, place.restaurant_id)
    return place.back(
        "/menu/publish", said=_("« %(name)s » est dans le brouillon.", name=kept.name)
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    """A file as it is read by the columns chosen: a menu, or what is wrong with it."""

    columns: tuple[FileColumn, ...]
    chosen: list[Column | None]
    document: MenuDocument | None = None
    problems: tuple[Problem, ...] = ()
    left_out: int = 0


def _read(data: bytes, values: Mapping[str, str]) -> _Reading:
    """Takes a second of CPU for the largest file: it runs in a thread."""
    columns = read_columns(data)
    names = [column.name for column in columns]
    chosen = _chosen(values, len(names)) if "c0" in values else guess_columns(names)
    category, cents = values.get("category", "").strip(), "cents" in values
    mapping = mapping_of(names, chosen, category=category, prices_in_cents=cents)
    try:
        return _Reading(
            columns, chosen, document=read_menu_file(data, mapping=mapping if columns else OWN)
        )
    except MenuFileRefused as refused:
        return _Reading(columns, chosen, problems=refused.problems, left_out=refused.left_out)


def _chosen(values: Mapping[str, str], count: int) -> list[Column | None]:
    typed = [values.get(f"c{at}", "") for at in range(count)]
    return [Column(each) if each in set(Column) else None for each in typed]


async def _preview(
    place: Place,
    token: str,
    kept: Upload,
    values: Mapping[str, str],
    *,
    problem: str = "",
    status: int = 200,
) -> HTMLResponse:
    reading = await asyncio.to_thread(_read, kept.data, values)
    async with place.session() as session:
        menu = await read_working_menu(session, place.restaurant_id)
        published = await read_document(session, place.restaurant_id)
    document = reading.document
    changes = shown_changes(changes_between(published, document)) if document else []
    return menu_page_of(
        place,
        "preview.html",
        status=status,
        token=token,
        name=kept.name,
        form=Form(values=values),
        columns=list(zip(reading.columns, reading.chosen, strict=True)),
        choices=[("", _("Ne pas reprendre")), *((each, _(COLUMNS[each])) for each in Column)],
        document=document,
        findings=await findings_of(document) if document else (),
        links={},
        changes=changes[:SHOWN_CHANGES],
        more=max(0, len(changes) - SHOWN_CHANGES),
        problems=reading.problems,
        left_out=reading.left_out,
        revision=menu.revision,
        problem=problem,
    )


def _upload_page(
    place: Place,
    vision: MenuVision | None,
    *,
    problem: str = "",
    problems: tuple[Problem, ...] = (),
    left_out: int = 0,
) -> HTMLResponse:
    return menu_page_of(
        place,
        "import.html",
        status=422 if problem or problems else 200,
        reads_pictures=vision is not None,
        problem=problem,
        problems=problems,
        left_out=left_out,
    )


def _without_key() -> str:
    return _(
        "La lecture de photos et de PDF n’est pas activée sur ce service. Envoyez un tableau CSV ou"
        " Excel, ou saisissez les plats."
    )


def _gone() -> str:
    return _("Ce fichier n’est plus là : une heure est passée, ou un autre l’a remplacé.")
