"""What speech recognisers write of a noise: subtitle credits, thanks for watching, "merci". Pure.

They were trained on subtitled videos: of breath, music or a door they make what stood under such
sounds (arXiv 2501.11378, github.com/openai/whisper/discussions/928). What no caller says is never
taken for words; what callers say as well is, when there was voice enough to say it in.
"""

import re
import unicodedata
from typing import Final

MS_PER_SYLLABLE: Final = 60
"""Nobody speaks faster: hurried French has some 8 syllables a second, 125 ms each."""
_FOREIGN_SYLLABLES: Final = 4
"""A sign in another script may be a word; so much voice a caller who speaks it has at least."""

_CREDITS: Final = re.compile(
    "sous titr|soustitr|untertitel|sottotitoli|subtitulos|ondertitel|legendas pela"
    "|subtitles? (by|created)|teksting av|napisy stworzone|castingwords|amara org"
    "|societe radio canada|tous droits reserves|abonnez vous|n oubliez pas de (vous )?abonne"
    "|please subscribe|merci d avoir (regarde|suivi|visionne|ecoute)|(cette|prochaine) video"
    r"|(thank you|thanks) for (watching|listening)|\b(www|https?)\b"
)
_FOREIGN_CREDITS: Final = re.compile(
    "字幕|視聴|点赞|订阅|구독|시청|субтитр|продолжение следует|ترجمة|υπότιτλοι"
)
_SOUND: Final = re.compile(
    "(musique|generique|rires?|applaudissements?|bruits?|sonnerie|silence|music|applause)"
    "( (douce|de fond|de fin|d ambiance|entrainante|rythmee))?"
)
_MARK_OF_SOUND: Final = re.compile(r"[♪♫\[(*]")
"""Who transcribes a sound describes it in brackets, or between notes."""
_EITHER: Final = re.compile(
    "merci( beaucoup| bien| a tous| a vous| a toi| de votre attention)?"
    "|(thank you|thanks)( very much| so much)?|you|bye( bye)?|au revoir|a bientot|bonsoir"
    "|bonne (journee|soiree)|c est parti|et voila"
)
"""Callers say this, and recognisers write it of nothing."""
_SYLLABIC: Final = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL")


def plain(words: str) -> str:
    """Return the words without accents, capitals and punctuation, a space between them."""
    flat = unicodedata.normalize("NFKD", words.casefold())
    bare = "".join(char for char in flat if not unicodedata.combining(char))
    return " ".join(re.findall(r"[^\W_]+", bare))


def is_hallucination(transcript: str, *, voiced_ms: int) -> bool:
    """Say whether nobody said this. `voiced_ms` is how much voice there was to say it in."""
    said = plain(transcript)
    if _CREDITS.search(said) or _FOREIGN_CREDITS.search(transcript.casefold()):
        return True
    if _describes_sound(transcript, said):
        return True
    if foreign := _foreign_syllables(transcript):
        return voiced_ms < foreign * MS_PER_SYLLABLE
    return bool(_EITHER.fullmatch(said)) and voiced_ms < _syllables(said) * MS_PER_SYLLABLE


def is_often_of_noise(transcript: str) -> bool:
    """Say whether recognisers write this of a noise as well, however loud it was."""
    return bool(_EITHER.fullmatch(plain(transcript)) or _foreign_syllables(transcript))


def _describes_sound(transcript: str, said: str) -> bool:
    described = not said or _SOUND.fullmatch(said) is not None
    return described and _MARK_OF_SOUND.search(transcript) is not None


def _syllables(said: str) -> int:
    return len(re.findall(r"[aeiouy]+", said))


def _foreign_syllables(transcript: str) -> int:
    """Count them when most letters are of another script than ours; else return 0."""
    letters = [unicodedata.name(char, "") for char in transcript if char.isalpha()]
    foreign = [name for name in letters if not name.startswith(("LATIN", "MODIFIER"))]
    if 2 * len(foreign) <= len(letters):
        return 0
    signs = sum(name.startswith(_SYLLABIC) for name in foreign)
    return max(_FOREIGN_SYLLABLES, signs + (len(foreign) - signs) // 2)
