"""A restaurant is greeted by its own name, and changes its words while a call plays the old."""

import asyncio
from pathlib import Path
from typing import Final

import numpy as np
import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.prompts import AI_DISCLOSURE, PromptKind
from controlplane.database import async_engine, async_sessions, libpq_url
from controlplane.local.demo.caller import CALLER_NUMBER
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID
from controlplane.local.demo.stack import Stack
from controlplane.models.restaurant import Restaurant
from controlplane.prompts.synthesiser import read_wav, synthesiser
from controlplane.restaurants.prompts import unword_prompt, word_prompt
from freeswitch.telephone.dialog import Dialog
from freeswitch.telephone.phone import Phone
from tests.scenarios.listening import is_audible
from tests.waiting import until

pytestmark = [
    pytest.mark.scenario,
    pytest.mark.skipif(synthesiser() is None, reason="neither espeak-ng nor espeakng-loader here"),
]

OWN_NAME: Final = "Bonjour, ici la pizzeria Bella Napoli."
SAME: Final = 0.9
"""Correlation of a sound with itself, once it has been G.711. Two sentences of one voice have less
than 0.3."""


async def test_a_new_restaurant_is_greeted_by_its_name_and_changes_its_words(stack: Stack) -> None:
    """
    1. Nobody ever gave the restaurant a sound. A caller hears its name, and that an AI speaks.
    2. It changes its words while another caller hears the greeting: that one hears it to its end.
    3. The next caller hears the new words.
    """
    first = await rendering(stack, OWN_NAME)
    async with Phone() as phone:
        dialog = await called(phone, stack)
        await until(lambda: correlation(dialog, first) > SAME)
        await dialog.hangup()

        dialog = await called(phone, stack)
        await until(lambda: any(map(is_audible, dialog.received)))
        await change(stack, "La Bella Napoli vous écoute.")
        second = await rendering(stack, "La Bella Napoli vous écoute.")
        await until(lambda: correlation(dialog, first) > SAME)
        await dialog.hangup()

        dialog = await called(phone, stack)
        await until(lambda: correlation(dialog, second) > SAME)
        assert correlation(dialog, first) < SAME / 2
        await dialog.hangup()
    await change(stack, None)
    await rendering(stack, OWN_NAME)


async def called(phone: Phone, stack: Stack) -> Dialog:
    return await phone.call(stack.address.direct_uri, from_number=CALLER_NUMBER)


async def rendering(stack: Stack, sentence: str) -> bytes:
    """Return how this greeting sounds (L16), once the bridge has it."""
    file = Path(stack.switch.gateway_folder).parent / "prompts" / str(DEMO_RESTAURANT_ID)

    def fetched() -> bytes | None:
        with psycopg.connect(libpq_url(stack.address.database_url)) as connection:
            row = connection.execute(
                "SELECT r.wav FROM restaurant_prompt p JOIN prompt_rendering r"
                " ON r.id = p.rendering_id WHERE p.kind = 'greeting' AND r.text = %s",
                [f"{sentence} {AI_DISCLOSURE}"],
            ).fetchone()
        greeting = file / "greeting.wav"
        found = row is not None and greeting.exists() and greeting.read_bytes() == row[0]
        return row[0] if row is not None and found else None

    return read_wav(await until(lambda: asyncio.to_thread(fetched))).l16


async def change(stack: Stack, sentence: str | None) -> None:
    engine = async_engine(stack.address.database_url, application_name="test", pool_size=1)
    async with async_sessions(engine).begin() as session:
        await _change(session, sentence)
    await engine.dispose()


async def _change(session: AsyncSession, sentence: str | None) -> None:
    restaurant = await session.get_one(Restaurant, DEMO_RESTAURANT_ID)
    if sentence is None:
        await unword_prompt(session, restaurant, kind=PromptKind.GREETING, actor="test")
    else:
        await word_prompt(
            session, restaurant, kind=PromptKind.GREETING, sentence=sentence, actor="test"
        )


def correlation(dialog: Dialog, l16: bytes) -> float:
    """Return how much of what was heard is this sound, in whole, wherever it began: 0 to 1."""
    heard = _samples(b"".join(frame.l16 for frame in dialog.received))
    sound = _samples(l16)
    if len(heard) < len(sound):
        return 0.0
    size = len(heard) + len(sound)
    matched = np.fft.irfft(np.fft.rfft(heard, size) * np.fft.rfft(sound, size).conj(), size)
    energy = (heard**2).cumsum()
    starts = len(heard) - len(sound) + 1
    windows = energy[len(sound) - 1 :] - np.concatenate([[0.0], energy[: starts - 1]])
    return float((matched[:starts] / np.sqrt(windows * (sound**2).sum() + 1e-9)).max())


def _samples(l16: bytes) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.frombuffer(l16, dtype="<i2").astype(np.float64) / 32_768
