"""Words are held against the evidence of voice, and who asks us to wait is waited for."""

import pytest

from aiworker.conversation.caller_words import HOLD_SECONDS, CallerWords
from aiworker.conversation.hallucination import is_hallucination, is_often_of_noise
from aiworker.conversation.hold_request import asks_to_wait
from aiworker.media.voice_activity import VoiceActivity

pytestmark = pytest.mark.unit

CREDIT = "Sous-titrage Société Radio-Canada"
MUCH, A_LITTLE = 2_000, 100


# --- Hallucinations ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "transcript",
    [
        CREDIT,
        "Sous-titres réalisés para la communauté d'Amara.org",
        "Sous-titres réalisés par la communauté d'Amara.org",
        "Sous-titrage ST' 501",
        "❤️ par SousTitreur.com",
        "Merci d'avoir regardé cette vidéo !",
        "Merci d’avoir regardé la vidéo.",
        "Abonnez-vous !",
        "N'oubliez pas de vous abonner.",
        "À la prochaine vidéo",
        "Thanks for watching!",
        "Untertitel der Amara.org-Community",
        "Sottotitoli creati dalla comunità Amara.org",
        "ご視聴ありがとうございました",
        "请不吝点赞 订阅 转发 打赏支持明镜与点点栏目",
        "시청해주셔서 감사합니다",
        "Субтитры сделал DimaTorzok",
        "Продолжение следует...",
        "ترجمة نانسي قنقر",
        "♪ ♪",
        "[Musique]",
        "*Musique de fond*",
        "(rires)",
    ],
)
def test_no_caller_says_this_however_much_voice_there_was(transcript: str) -> None:
    assert is_hallucination(transcript, voiced_ms=MUCH)


@pytest.mark.parametrize(
    ("transcript", "syllables"),
    [
        ("Merci.", 2),
        ("Merci beaucoup.", 4),
        ("Au revoir !", 3),
        ("Thank you.", 2),
        ("Спасибо большое", 7),
        ("謝謝你們", 4),
    ],
)
def test_what_callers_say_as_well_needs_voice_enough_to_say_it_in(
    transcript: str, syllables: int
) -> None:
    """A real "merci" has 350 ms of voice; a click has 40."""
    assert is_hallucination(transcript, voiced_ms=syllables * 60 - 1)
    assert not is_hallucination(transcript, voiced_ms=syllables * 60)
    assert is_often_of_noise(transcript)


@pytest.mark.parametrize(
    "transcript",
    [
        *("Oui.", "Non !", "Stop", "Attendez", "Deux reines", "Merci, une reine s'il vous plaît"),
        *("Vous avez de la musique ?", "Je regarde la carte", "Ñora", "Œufs mimosa", "12", ""),
    ],
)
def test_what_only_callers_say_needs_no_evidence(transcript: str) -> None:
    """A quiet caller, or one in a loud street, may seem to have no voice."""
    assert not is_hallucination(transcript, voiced_ms=0)
    assert not is_often_of_noise(transcript)


# --- Asking to wait ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        *("Ne quittez pas.", "Un instant s'il vous plaît", "Attendez", "Attends, attends"),
        *(
            "Deux secondes, je demande à ma femme.",
            "Une petite minute !",
            "Quittez pas",
            "Je reviens dans deux minutes",
        ),
        *("Attendez, j'arrive", "Un instant, je passe dans la cuisine"),
        *("Ne raccrochez pas !", "Patientez", "Laissez-moi réfléchir", "Je reviens"),
        "Nous recherchons votre correspondant, veuillez patienter.",
        "Votre appel a été mis en attente",
    ],
)
def test_the_caller_asks_us_to_wait(words: str) -> None:
    assert asks_to_wait(words)


@pytest.mark.parametrize(
    "words",
    [
        *("", "Oui", "Deux reines", "C'est tout", "Il faut attendre combien de temps ?"),
        *("Attendez, je voudrais plutôt une calzone", "Vingt minutes, d'accord", "Une reine"),
        "Je peux passer dans un instant ?",
        *("J'arrive dans cinq minutes, merci.", "Dans deux minutes je passe la prendre."),
        *("À dans un instant, au revoir !", "Deux petites minutes, à tout de suite !"),
    ],
)
def test_the_caller_does_not(words: str) -> None:
    assert not asks_to_wait(words)


# --- Turn after turn -----------------------------------------------------------------------------


class Caller:
    """Makes turns on a clock of their own."""

    def __init__(self) -> None:
        self.now = 100.0
        self.voice = VoiceActivity()
        self.words = CallerWords(self.voice, clock=lambda: self.now)
        self._turns = 0

    def turn(self, transcript: str, *, voiced_ms: int = 900) -> str:
        """Make a sound of so many ms, which is transcribed so."""
        item = f"item_{self._turns}"
        self._turns += 1
        self.now += 3
        self.words.began()
        for _ in range(voiced_ms // 20):
            self.now += 0.02
            self.voice.hear(self.now, rms=2_000, ms=20)
        self.now += 0.5
        self.words.whole(item)
        return self.words.understood(item, transcript)


@pytest.fixture
def caller() -> Caller:
    return Caller()


def test_words_are_what_the_caller_said(caller: Caller) -> None:
    assert caller.turn("Deux reines") == "Deux reines"
    assert not caller.words.patient


def test_a_noise_is_a_turn_without_words(caller: Caller) -> None:
    assert [caller.turn(text) for text in ("", "…", CREDIT)] == ["", "", ""]


def test_a_second_wordless_turn_makes_us_patient_and_a_third_is_noise(caller: Caller) -> None:
    states = []
    for _ in range(3):
        caller.turn("")
        states.append((caller.words.patient, caller.words.noisy))
    assert states == [(False, False), (True, False), (True, True)]


def test_a_word_ends_the_noise(caller: Caller) -> None:
    for text in ("", "", "", "Oui"):
        caller.turn(text)
    assert not caller.words.patient


def test_thanks_said_again_and_again_are_noise(caller: Caller) -> None:
    """A recogniser writes the same of the same noise, and it is loud enough each time."""
    for _ in range(4):
        caller.turn("Merci.")
    assert caller.words.noisy


def test_thanks_said_once_are_words(caller: Caller) -> None:
    assert caller.turn("Merci.", voiced_ms=360) == "Merci."
    assert caller.turn("Merci.", voiced_ms=40) == ""


def test_voice_before_the_turn_is_no_evidence_for_it(caller: Caller) -> None:
    caller.turn("Une reine", voiced_ms=2_000)
    caller.now -= 2.5
    assert caller.turn("Merci.", voiced_ms=60) == ""


def test_words_that_will_never_be_known_prove_no_noise(caller: Caller) -> None:
    for _ in range(5):
        caller.turn("")
    caller.words.unknown("item_9")
    assert not caller.words.patient


def test_who_asks_us_to_wait_is_waited_for_a_minute(caller: Caller) -> None:
    assert caller.turn("Ne quittez pas.") == "Ne quittez pas."
    assert caller.words.patient
    caller.now += HOLD_SECONDS - 0.1
    assert caller.words.on_hold
    caller.now += 0.2
    assert not caller.words.on_hold


def test_hold_music_is_no_noise_and_the_caller_s_words_end_it(caller: Caller) -> None:
    caller.turn("Un instant")
    for text in ("", "♪ ♪", "[Musique]", CREDIT):
        caller.turn(text)
    assert caller.words.on_hold
    assert not caller.words.noisy
    caller.turn("Oui, me revoilà")
    assert not caller.words.patient


def test_a_transcript_told_twice_counts_once(caller: Caller) -> None:
    caller.turn("")
    assert caller.words.understood("item_0", CREDIT) == CREDIT
    caller.turn("Oui")
    assert not caller.words.patient
