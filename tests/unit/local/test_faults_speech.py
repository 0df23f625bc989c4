"""The benchmark of faults reads from the tones which words were heard, and measures silence."""

import json
from pathlib import Path

import pytest

from controlplane.local.bench.faults_journal import JournalReader
from controlplane.local.bench.faults_speech import (
    Heard,
    HeardSaying,
    Saying,
    heard_sayings,
    longest_silence_s,
)

pytestmark = pytest.mark.unit

FRAME_S = 0.02
TEXT = "Votre commande est enregistrée."


def saying(item: str = "item", *, first_code: int = 0, began_at: float = 10.0) -> Saying:
    """Forty frames that say `TEXT`."""
    return Saying(item, first_code, began_at, text=TEXT, frames=40, whole=True)


def ear(codes: range, *, at: float = 10.1) -> list[Heard]:
    return [Heard(at + n * FRAME_S, code % 4_096) for n, code in enumerate(codes)]


def test_all_of_a_sentence() -> None:
    assert heard_sayings(ear(range(40)), [saying()]) == [HeardSaying(TEXT, ended=True)]


def test_a_sentence_cut_short_is_known_as_far_as_it_was_heard() -> None:
    assert heard_sayings(ear(range(20)), [saying()]) == [
        HeardSaying(TEXT[: len(TEXT) // 2], ended=False)
    ]


def test_what_follows_a_hole_was_not_understood_and_its_end_was_heard() -> None:
    heard = ear(range(20)) + ear(range(27, 40), at=10.6)
    assert heard_sayings(heard, [saying()]) == [HeardSaying(TEXT[: len(TEXT) // 2], ended=True)]


def test_a_sentence_whose_response_was_not_completed_has_no_end() -> None:
    unfinished = saying()
    unfinished.whole = False
    assert heard_sayings(ear(range(40)), [unfinished]) == [HeardSaying(TEXT, ended=False)]


def test_frame_numbers_wrap() -> None:
    wrapping = saying(first_code=4_090)
    assert heard_sayings(ear(range(4_090, 4_130)), [wrapping])[0].ended


def test_two_sessions_with_other_numbers_are_told_apart() -> None:
    here, elsewhere = saying("here", first_code=585), saying("elsewhere", first_code=0)
    elsewhere.text = "Autre chose."
    assert heard_sayings(ear(range(585, 625)), [elsewhere, here])[0].text == TEXT


def test_nothing_is_heard_before_it_was_sent() -> None:
    assert heard_sayings(ear(range(40), at=9.0), [saying()]) == []


def sounds(*instants: float) -> list[Heard]:
    return [Heard(at, None) for at in instants]


@pytest.mark.parametrize(
    ("audible", "spoken", "longest"),
    [
        ((), (), 10.0),
        ((2.0, 4.0, 9.0), (), 5.0),
        ((2.0, 4.0, 9.0), ((5.0, 6.5),), 2.5),  # 6.5 to 9.0
        ((2.0,), ((2.5, 9.0),), 2.0),
        ((4.0, 9.0), ((3.0, 8.0),), 3.0),  # the other was heard while the caller spoke
        ((9.0,), ((-1.0, 1.0),), 8.0),
    ],
)
def test_silence_is_when_neither_is_heard(
    audible: tuple[float, ...], spoken: tuple[tuple[float, float], ...], longest: float
) -> None:
    heard = [*sounds(*audible), Heard(5.5, None, audible=False)]
    assert longest_silence_s(heard, spoken, since=0.0, until=10.0) == longest


def journal(*lines: dict[str, object]) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


def test_the_journal_tells_who_says_what_also_while_it_is_written(tmp_path: Path) -> None:
    sent = {"entry": "AudioSent", "at": 3.0, "response_id": "r", "item_id": "i", "frames": 8}
    said = {"entry": "Said", "at": 3.1, "response_id": "r", "item_id": "i", "transcript": TEXT}
    ended = {"entry": "ResponseEnded", "at": 3.2, "response_id": "r", "status": "completed"}
    file = tmp_path / "journal.jsonl"
    file.write_text(
        journal(sent | {"first_frame": 585}, sent | {"first_frame": 593}) + '{"entry": "Sa', "utf-8"
    )
    reader = JournalReader(file)
    assert reader.read() == [Saying("i", 585, 3.0, frames=16)]
    file.write_text(
        journal(sent | {"first_frame": 585}, sent | {"first_frame": 593}, said, ended), "utf-8"
    )
    assert reader.read() == [Saying("i", 585, 3.0, text=TEXT, frames=16, whole=True)]


def test_a_response_cut_short_leaves_its_words_unfinished(tmp_path: Path) -> None:
    sent = {"entry": "AudioSent", "at": 3.0, "response_id": "r", "item_id": "i", "frames": 8}
    ended = {"entry": "ResponseEnded", "at": 3.2, "response_id": "r", "status": "cancelled"}
    file = tmp_path / "journal.jsonl"
    file.write_text(journal(sent | {"first_frame": 0}, ended), "utf-8")
    assert not JournalReader(file).read()[0].whole
