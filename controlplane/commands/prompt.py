"""`alloresto prompt`: what a restaurant's callers hear before an assistant speaks."""

from functools import partial

import click
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.commands import record
from controlplane.commands.admin_database import ask_restaurant
from controlplane.commands.options import ACTOR, json_lines_option, restaurant_argument
from controlplane.contracts.prompts import PromptKind
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants import prompts
from controlplane.text_table import table

kind_argument = click.argument(
    "kind",
    metavar="PROMPT",
    type=click.Choice([kind.value for kind in PromptKind]),
    help="greeting, busy …",
)


@click.command()
@restaurant_argument
@json_lines_option
def show(*, restaurant: str, as_json: bool) -> None:
    """What callers hear, prompt by prompt, and whether it is rendered yet."""
    _, heard = ask_restaurant(restaurant, prompts.heard_prompts)
    if as_json:
        for one in heard:
            print(record.as_json({"prompt": one.kind, "text": one.text, "rendered": one.rendered}))
    else:
        cells = [[one.kind, *_told(one)] for one in heard]
        print(table(["PROMPT", "HEARD", "TEXT"], cells))


@click.command()
@restaurant_argument
@kind_argument
@click.argument("sentence", metavar="SENTENCE", help="What a voice is to say, in French.")
def say(*, restaurant: str, kind: str, sentence: str) -> None:
    """Have a prompt say this; a greeting goes on to say that an AI speaks."""
    wording = partial(prompts.word_prompt, kind=PromptKind(kind), sentence=sentence, actor=ACTOR)
    owner, text = ask_restaurant(restaurant, wording)
    print(f"{owner.slug}: {text}")


@click.command()
@restaurant_argument
@kind_argument
def reset(*, restaurant: str, kind: str) -> None:
    """Take its own words back: it greets by its name, or says the packaged prompt."""

    async def take_back(session: AsyncSession, owner: Restaurant) -> None:
        await prompts.unword_prompt(session, owner, kind=PromptKind(kind), actor=ACTOR)

    owner, _ = ask_restaurant(restaurant, take_back)
    print(f"{owner.slug}: {kind} has no words of its own")


def _told(one: prompts.Heard) -> tuple[str, str]:
    if one.text is None:
        return "packaged", "-"
    return "own" if one.rendered else "not yet", one.text
