"""`alloresto bench faults` knows the bridge's prompts by ear, whatever comes with them."""

import wave

import pytest

from controlplane.contracts.media import FRAME_MS, L16_BYTES_PER_MS
from controlplane.local.bench.faults_prompts import PromptEar
from freeswitch.scripts.make_prompts import PROMPTS, SOUNDS
from freeswitch.telephone.rtp_session import ReceivedFrame

pytestmark = pytest.mark.unit

FRAME_BYTES = FRAME_MS * L16_BYTES_PER_MS
STARTED_AT = 1_000.0


def prompt(name: str) -> bytes:
    with wave.open(str(SOUNDS / "fr" / f"{name}.wav")) as sound:
        heard: bytes = sound.readframes(sound.getnframes())
    return heard


def frames(*sounds: bytes) -> list[ReceivedFrame]:
    l16 = b"".join(sounds)
    return [
        ReceivedFrame(
            at=STARTED_AT + at / L16_BYTES_PER_MS / 1_000,
            l16=l16[at : at + FRAME_BYTES],
            sequence_number=at // FRAME_BYTES,
            timestamp=0,
        )
        for at in range(0, len(l16) - FRAME_BYTES, FRAME_BYTES)
    ]


@pytest.fixture(scope="module")
def ear() -> PromptEar:
    return PromptEar()


def test_the_last_words_end_where_the_beep_begins(ear: PromptEar) -> None:
    heard = frames(prompt("busy"), prompt("transfer"), prompt("leave_message"), prompt("busy"))
    before = sum(len(prompt(name)) for name in ("busy", "transfer", "leave_message"))
    ended_at = STARTED_AT + before / L16_BYTES_PER_MS / 1_000
    assert ear.last_words_at(heard) == pytest.approx(ended_at, abs=0.03)
    assert ear.given_to_a_human(heard)


@pytest.mark.parametrize(
    "name", sorted(set(PROMPTS) - {"transfer", "transfer_person", "leave_message", "goodbye"})
)
def test_another_prompt_is_none_of_them(ear: PromptEar, name: str) -> None:
    heard = frames(prompt(name))
    assert ear.last_words_at(heard) is None
    assert not ear.given_to_a_human(heard)


def test_nothing_was_said(ear: PromptEar) -> None:
    assert ear.last_words_at([]) is None
