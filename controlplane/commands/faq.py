"""`alloresto faq`: what a restaurant has its callers told, and what nobody could tell them."""

from collections.abc import Sequence
from uuid import UUID

import click
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.commands import record
from controlplane.commands.admin_database import ask_restaurant
from controlplane.commands.options import ACTOR, json_lines_option, restaurant_argument
from controlplane.commands.rows import print_rows
from controlplane.models.faq import Faq
from controlplane.models.faq_gap import FaqGap
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants import faq, faq_gaps

answer_argument = click.argument("answer", metavar="ANSWER", help="French, as it is to be said.")
gap_argument = click.argument("gap", metavar="GAP", type=click.UUID, help="Its id.")


@click.command()
@restaurant_argument
@click.argument("question", metavar="QUESTION", help="As callers ask it.")
@answer_argument
def add(*, restaurant: str, question: str, answer: str) -> None:
    """Have callers told this, from the next call on."""

    async def write(session: AsyncSession, owner: Restaurant) -> Faq:
        return await faq.add_answer(session, owner.id, question, answer, actor=ACTOR)

    owner, added = ask_restaurant(restaurant, write)
    print(f"{owner.slug}: answered ({added.id})")


@click.command()
@restaurant_argument
@click.argument("which", metavar="ID", type=click.UUID)
def remove(*, restaurant: str, which: UUID) -> None:
    """Take an answer away."""

    async def write(session: AsyncSession, owner: Restaurant) -> None:
        await faq.remove_answer(session, owner.id, which, actor=ACTOR)

    owner, _ = ask_restaurant(restaurant, write)
    print(f"{owner.slug}: {which} is told nobody any more")


@click.command()
@restaurant_argument
@json_lines_option
def list_(*, restaurant: str, as_json: bool) -> None:
    """The answers, in the restaurant's order."""

    async def read(session: AsyncSession, owner: Restaurant) -> Sequence[Faq]:
        return await faq.list_answers(session, owner.id)

    _, answers = ask_restaurant(restaurant, read)
    rows = [
        (str(one.id), "yes" if one.active else "no", one.question, one.answer) for one in answers
    ]
    print_rows(("id", "active", "question", "answer"), rows, as_json=as_json)


@click.command()
@restaurant_argument
@json_lines_option
def gaps(*, restaurant: str, as_json: bool) -> None:
    """The questions nobody could answer, first what is asked most."""

    async def read(session: AsyncSession, owner: Restaurant) -> Sequence[FaqGap]:
        return await faq_gaps.open_gaps(session, owner.id)

    _, found = ask_restaurant(restaurant, read)
    rows = [
        (str(one.id), str(one.times), record.text(one.last_asked_at), one.question) for one in found
    ]
    print_rows(("id", "times", "last asked", "question"), rows, as_json=as_json)


@click.command()
@restaurant_argument
@gap_argument
@answer_argument
@click.option("--question", help="Better words than those it was asked in.")
def answer(*, restaurant: str, gap: UUID, answer: str, question: str | None) -> None:
    """Answer one of them, from the next call on."""

    async def write(session: AsyncSession, owner: Restaurant) -> Faq:
        return await faq_gaps.answer_gap(
            session, owner.id, gap, answer, actor=ACTOR, question=question
        )

    owner, added = ask_restaurant(restaurant, write)
    print(f"{owner.slug}: answered ({added.id})")


@click.command()
@restaurant_argument
@gap_argument
def dismiss(*, restaurant: str, gap: UUID) -> None:
    """Leave one of them without an answer."""

    async def write(session: AsyncSession, owner: Restaurant) -> None:
        await faq_gaps.dismiss_gap(session, owner.id, gap, actor=ACTOR)

    owner, _ = ask_restaurant(restaurant, write)
    print(f"{owner.slug}: dismissed")
