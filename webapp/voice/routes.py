"""What callers hear before an assistant speaks, whom they get, and what they ask."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Header, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from controlplane.contracts.prompts import AI_DISCLOSURE, MOST_CHARACTERS, PromptKind
from controlplane.contracts.voices import VOICES
from controlplane.models.faq import MOST_ANSWER, MOST_QUESTION
from controlplane.models.transfer_target import TransferMode
from controlplane.restaurants.errors import Refused
from controlplane.restaurants.faq import add_answer, change_answer, list_answers, remove_answer
from controlplane.restaurants.faq_gaps import answer_gap, dismiss_gap, open_gaps
from controlplane.restaurants.prompt_errors import SentenceRefused
from controlplane.restaurants.prompts import (
    heard_prompts,
    own_sentence,
    prompt_sound,
    unword_prompt,
    word_prompt,
)
from controlplane.restaurants.set_voice import set_voice
from controlplane.restaurants.setup_errors import ChangedMeanwhile
from controlplane.restaurants.transfer_targets import (
    MAX_NAME,
    add_target,
    list_targets,
    remove_target,
)
from webapp.forms import Form
from webapp.hours.queries import last_change, the_restaurant
from webapp.kitchen.audio import wav_response
from webapp.place import ManagerHere, Place
from webapp.voice.words import MODE_NAMES, PROMPT_HINTS, PROMPT_NAMES, refused
from webapp.words import _

router: Final = APIRouter(prefix="/place/{restaurant_id}/config/voice", include_in_schema=False)

Range = Annotated[str | None, Header(alias="range", max_length=100)]


@router.get("")
async def voice(place: ManagerHere) -> HTMLResponse:
    """Show what callers hear, whom they get, and the questions that wait for an answer."""
    return await _page(place)


@router.post("/prompts/{kind}")
async def save_prompt(place: ManagerHere, kind: PromptKind, request: Request) -> Response:
    """Have a prompt say these words; without any, the packaged ones."""
    form = await Form.read(request)
    sentence, seen = form.text("sentence"), form.values.get("seen", "")
    try:
        async with place.session() as session, session.begin():
            restaurant = await the_restaurant(session, place.restaurant_id)
            if sentence:
                await word_prompt(
                    session,
                    restaurant,
                    kind=kind,
                    sentence=sentence,
                    actor=place.actor,
                    seen=seen,
                )
            else:
                await unword_prompt(session, restaurant, kind=kind, actor=place.actor, seen=seen)
    except ChangedMeanwhile:
        return await _conflict(place, kind, sentence)
    except SentenceRefused as error:
        form.fail(f"sentence-{kind}", refused(error))
        return await _page(place, status=422, **{str(kind): form})
    said = _("Phrase enregistrée. Le son est préparé en quelques secondes.")
    return place.back("/config/voice", said=said)


@router.get("/prompts/{kind}.wav")
async def hear_prompt(place: ManagerHere, kind: PromptKind, range_header: Range = None) -> Response:
    """Send the sound that callers hear."""
    async with place.session() as session:
        sound = await prompt_sound(session, place.restaurant_id, kind)
    if sound is None:
        raise HTTPException(404)
    return wav_response(sound, range_header)


@router.post("/voice")
async def save_voice(place: ManagerHere, request: Request) -> RedirectResponse:
    """Speak with another voice from the next call on."""
    form = await Form.read(request)
    async with place.session() as session, session.begin():
        restaurant = await the_restaurant(session, place.restaurant_id)
        await set_voice(session, restaurant, form.text("voice"), actor=place.actor)
    return place.back("/config/voice", said=_("Voix enregistrée. Le prochain appel l’entend."))


@router.post("/targets")
async def save_target(place: ManagerHere, request: Request) -> Response:
    """List somebody whom callers may be put through to, or change their entry."""
    form = await Form.read(request)
    mode = TransferMode.BLIND if form.text("mode") == "blind" else TransferMode.WARM
    try:
        async with place.session() as session, session.begin():
            restaurant = await the_restaurant(session, place.restaurant_id)
            await add_target(
                session,
                restaurant,
                name=form.text("name"),
                number=form.text("number"),
                mode=mode,
                actor=place.actor,
            )
    except Refused as error:
        form.fail("number", refused(error))
        return await _page(place, status=422, target=form)
    return place.back("/config/voice#transferts", said=_("Numéro de transfert enregistré."))


@router.post("/targets/remove")
async def drop_target(place: ManagerHere, request: Request) -> RedirectResponse:
    """Ring somebody no more."""
    form = await Form.read(request)
    async with place.session() as session, session.begin():
        restaurant = await the_restaurant(session, place.restaurant_id)
        await remove_target(session, restaurant, form.text("number"), actor=place.actor)
    return place.back("/config/voice#transferts", said=_("Numéro de transfert retiré."))


@router.post("/questions/{gap_id}")
async def answer_question(place: ManagerHere, gap_id: UUID, request: Request) -> Response:
    """Answer what callers asked; the assistant says it from the next call on."""
    form = await Form.read(request)
    try:
        async with place.session() as session, session.begin():
            await answer_gap(
                session, place.restaurant_id, gap_id, form.text("answer"), actor=place.actor
            )
    except Refused as error:
        form.fail(f"answer-{gap_id}", refused(error))
        return await _page(place, status=422, gap=form)
    said = _("Réponse enregistrée : l’IA la dira dès le prochain appel.")
    return place.back("/config/voice#questions", said=said)


@router.post("/questions/{gap_id}/dismiss")
async def dismiss_question(place: ManagerHere, gap_id: UUID) -> RedirectResponse:
    """Leave a question without an answer."""
    async with place.session() as session, session.begin():
        await dismiss_gap(session, place.restaurant_id, gap_id, actor=place.actor)
    return place.back("/config/voice#questions", said=_("Question écartée."))


@router.post("/answers")
async def add_one(place: ManagerHere, request: Request) -> Response:
    """Add a question with its answer."""
    form = await Form.read(request)
    try:
        async with place.session() as session, session.begin():
            await add_answer(
                session,
                place.restaurant_id,
                form.text("question"),
                form.text("answer"),
                actor=place.actor,
            )
    except Refused as error:
        form.fail("question", refused(error))
        return await _page(place, status=422, answer=form)
    return place.back("/config/voice#questions", said=_("Réponse ajoutée."))


@router.get("/answers/{faq_id}")
async def edit_answer(place: ManagerHere, faq_id: UUID) -> HTMLResponse:
    """Show an answer in a form."""
    async with place.session() as session:
        answers = await list_answers(session, place.restaurant_id)
    found = next((one for one in answers if one.id == faq_id), None)
    if found is None:
        raise HTTPException(404)
    typed = {"question": found.question, "answer": found.answer}
    return _answer_page(place, faq_id, Form(typed), active=found.active)


@router.post("/answers/{faq_id}")
async def save_answer(place: ManagerHere, faq_id: UUID, request: Request) -> Response:
    """Change an answer, or have the assistant leave it unsaid for a while."""
    form = await Form.read(request)
    try:
        async with place.session() as session, session.begin():
            await change_answer(
                session,
                place.restaurant_id,
                faq_id,
                actor=place.actor,
                question=form.text("question"),
                answer=form.text("answer"),
                active=form.ticked("active"),
            )
    except Refused as error:
        form.fail("question", refused(error))
        return _answer_page(place, faq_id, form, active=form.ticked("active"), status=422)
    return place.back("/config/voice#questions", said=_("Réponse enregistrée."))


@router.post("/answers/{faq_id}/remove")
async def drop_answer(place: ManagerHere, faq_id: UUID) -> RedirectResponse:
    """Take an answer away."""
    async with place.session() as session, session.begin():
        await remove_answer(session, place.restaurant_id, faq_id, actor=place.actor)
    return place.back("/config/voice#questions", said=_("Réponse supprimée."))


async def _page(place: Place, *, status: int = 200, **forms: Form) -> HTMLResponse:
    """`forms` are those that were refused, by what they are about."""
    async with place.session() as session:
        restaurant = await the_restaurant(session, place.restaurant_id)
        heard = await heard_prompts(session, restaurant)
        targets = await list_targets(session, restaurant)
        gaps = await open_gaps(session, place.restaurant_id)
        answers = await list_answers(session, place.restaurant_id)
    empty = Form()
    return place.page(
        "voice/page.html",
        status=status,
        prompts=[
            (one, _(PROMPT_NAMES[one.kind]), _(PROMPT_HINTS[one.kind]), forms.get(one.kind, empty))
            for one in heard
        ],
        refused=[form for form in forms.values() if form.errors],
        disclosure=AI_DISCLOSURE,
        most_characters=MOST_CHARACTERS,
        spoken_name=restaurant.spoken_name,
        voices=[(each, each.capitalize()) for each in VOICES],
        voice=restaurant.voice,
        own_phone=restaurant.phone_e164,
        targets=[(one, _(MODE_NAMES[one.mode])) for one in targets],
        modes=[(str(each), _(words)) for each, words in MODE_NAMES.items()],
        target_form=forms.get("target", empty),
        gaps=gaps,
        gap_form=forms.get("gap", empty),
        answers=answers,
        answer_form=forms.get("answer", empty),
        most=(MAX_NAME, MOST_QUESTION, MOST_ANSWER),
    )


def _answer_page(
    place: Place, faq_id: UUID, form: Form, *, active: bool, status: int = 200
) -> HTMLResponse:
    return place.page("voice/answer.html", status=status, form=form, faq_id=faq_id, active=active)


async def _conflict(place: Place, kind: PromptKind, mine: str) -> HTMLResponse:
    async with place.session() as session:
        theirs = await own_sentence(session, place.restaurant_id, kind)
        who = await last_change(session, place.restaurant_id, f"prompt:{kind}")
    standard = _("phrase standard")
    return place.page(
        "hours/conflict.html",
        status=409,
        back=place.url("/config/voice"),
        action=place.url(f"/config/voice/prompts/{kind}"),
        who=who,
        now=datetime.now(place.zone),
        lines=[(_(PROMPT_NAMES[kind]), theirs or standard, mine or standard)],
        typed=[("sentence", mine), ("seen", theirs)],
    )
