"""What a caller's sentence wants: dishes, changes, yes, no, questions, goodbye. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from aiworker.simulator.french_numbers import read_number
from aiworker.simulator.french_text import Word, plain_text, words
from aiworker.simulator.menu_words import Mention, Menu


class Wish(StrEnum):
    """What else than dishes a sentence may say."""

    HUMAN = "human"
    ALLERGY = "allergy"
    COMPLAINT = "complaint"
    GOODBYE = "goodbye"
    REPEAT = "repeat"
    HOURS = "hours"
    MENU = "menu"
    DONE = "done"
    YES = "yes"
    NO = "no"
    WAIT = "wait"


@dataclass(frozen=True)
class Ordered:
    """A dish asked for. `dish` is a menu name, or the caller's words when none fits."""

    dish: str
    quantity: int | None
    options: tuple[str, ...] = ()
    known: bool = True
    definite: bool = False
    """Said with "la" or "le": a dish already ordered."""


@dataclass(frozen=True)
class Understood:
    """One sentence."""

    wishes: frozenset[Wish] = frozenset()
    ordered: tuple[Ordered, ...] = ()
    removing: bool = False
    instead: bool = False
    """"finalement", "plutôt": what follows replaces something."""
    adding: bool = False
    """"en plus", "aussi": what follows comes on top."""
    number: int | None = None
    """A number with no dish: "finalement trois"."""
    options: tuple[str, ...] = ()
    """Options with no dish: "en pâte fine"."""
    swapped: bool = False
    """"à la place de": the first dish replaces the second."""
    category: str | None = None
    name: str | None = None


def _phrases(*texts: str) -> tuple[str, ...]:
    return tuple(plain_text(text) for text in texts)


_WISHES: Final = {
    Wish.ALLERGY: _phrases("allergie", "allergique", "intolérant", "sans gluten", "cœliaque"),
    Wish.COMPLAINT: _phrases("réclamation", "plainte", "scandaleux", "pas content", "remboursé"),
    Wish.HUMAN: _phrases(
        "parler à quelqu'un", "un humain", "une personne", "un responsable", "le patron",
        "la patronne", "un conseiller", "un employé", "passez moi quelqu'un", "le restaurant",
    ),
    Wish.GOODBYE: _phrases(
        "au revoir", "bonne journée", "bonne soirée", "à bientôt", "à tout à l'heure"
    ),
    Wish.REPEAT: _phrases("répéter", "répétez", "pardon", "comment", "pas compris", "pas entendu"),
    Wish.HOURS: _phrases(
        "horaire", "vous ouvrez", "vous fermez", "êtes ouvert", "ouvert jusqu'à", "quelle heure"
    ),
    Wish.MENU: _phrases(
        "qu'est ce que vous avez", "qu'avez vous", "avez vous", "vous avez", "vous faites",
        "c'est quoi", "qu'est ce qu'il y a", "il y a quoi", "combien", "quel prix", "quels sont",
        "quelles sont", "la carte", "le menu", "vous proposez", "ça coûte", "y a t il",
    ),
    Wish.DONE: _phrases(
        "c'est tout", "ce sera tout", "ça sera tout", "rien d'autre", "j'ai fini", "c'est terminé"
    ),
    Wish.YES: _phrases(
        "oui", "ouais", "d'accord", "ok", "parfait", "exactement", "voilà", "tout à fait",
        "c'est ça", "c'est bon", "c'est bien ça", "très bien", "je confirme", "je valide",
    ),
    Wish.NO: _phrases("non", "pas du tout", "ce n'est pas ça", "c'est pas ça"),
    Wish.WAIT: _phrases("attendez", "une seconde", "un instant", "stop", "une minute"),
}  # fmt: skip
_REMOVE: Final = _phrases(
    "enlevez", "enlève", "enlever", "retirez", "retirer", "supprimez", "supprimer", "annulez",
    "annuler", "pas de", "plus de", "laissez tomber", "sans le", "sans la",
)  # fmt: skip
_INSTEAD: Final = _phrases("finalement", "plutôt", "en fait", "changez", "modifiez", "remplacez")
_ADD: Final = _phrases("en plus", "aussi", "ajoutez", "rajoutez", "encore", "également", "et avec")
_SWAP: Final = _phrases("à la place", "au lieu")
_NAME: Final = _phrases("au nom de", "je m'appelle", "mon nom est", "le nom c'est", "c'est pour")

_FILLER: Final = frozenset(
    plain_text(
        "bonjour bonsoir alors euh donc je voudrais voudrait vais prendre prendrai prendrais "
        "aimerais on va veux souhaite souhaiterais mettez moi mettre ajoutez rajoutez ajouter "
        "s il vous te plaît svp merci aussi encore également puis plus bien sûr commander "
        "commande pour emporter oui non ok accord d finalement plutôt en fait attendez "
        "enlevez enlève retirez supprimez annulez changez modifiez remplacez place à la au lieu "
        "le les de du des l c est tout ce sera sera ça voilà parfait stop avec et taille"
    ).split()
)
_GENERIC: Final = frozenset(plain_text("pizza pizzas de d belle bonne petite").split())
_DEFINITE: Final = frozenset({"le", "la", "l", "les"})
_OPTION_BREAKS: Final = frozenset({"avec", "et", ",", "supplement", "option", "en"})
_STRANGER_ENDS: Final = _OPTION_BREAKS | frozenset(plain_text("s il vous plaît puis merci").split())
_SIZES: Final = frozenset(plain_text("grande grand maxi normale moyenne").split())
_ORDERING: Final = _phrases(
    "je voudrais", "je vais prendre", "je prendrai", "on va prendre", "mettez moi", "ajoutez",
    "j'aimerais", "je veux", "il me faut", "donnez moi",
)  # fmt: skip


def understand(text: str, menu: Menu) -> Understood:
    """Return what `text` asks for."""
    said, flat = words(text), plain_text(text)
    mentions = _with_strangers(said, menu.mentions(said))
    name = _name(text, flat)
    wishes = frozenset(wish for wish, phrases in _WISHES.items() if _any(phrases, flat))
    asking = Wish.MENU in wishes and not _any(_ORDERING, flat)
    ordered = tuple(_ordered(said, mentions)) if not asking else tuple(_asked(mentions))
    free = [w for w in said if w.plain not in _FILLER]
    number = read_number([w.plain for w in free]) if not mentions else None
    rest = free[number[1] :] if number else free
    unknown = _unknown(rest, number) if not name and not asking and not mentions else ()
    return Understood(
        wishes=wishes,
        ordered=ordered or tuple(unknown if _any(_ORDERING, flat) or number else ()),
        removing=_any(_REMOVE, flat),
        instead=_any(_INSTEAD, flat),
        adding=_any(_ADD, flat),
        number=number[0] if number and not rest else None,
        options=_options(said) if not mentions and _any(_OPTION_STARTS, flat) else (),
        swapped=_any(_SWAP, flat) and len(mentions) > 1,
        category=menu.category(said),
        name=name,
    )


_OPTION_STARTS: Final = _phrases("avec", "supplément", "pâte", "en grande", "en pâte", "taille")


def _any(phrases: Sequence[str], flat: str) -> bool:
    return any(phrase in flat for phrase in phrases)


def _with_strangers(said: Sequence[Word], mentions: Sequence[Mention]) -> list[Mention]:
    """Add what is counted ("et un hamburger") but named by no word of the menu."""
    found = list(mentions)
    taken = {at for mention in mentions for at in range(mention.start, mention.end)}
    at = 0
    while mentions and at < len(said):
        number = None if at in taken else read_number([w.plain for w in said[at:]])
        if number is None or (at and said[at - 1].plain not in ("et", ",")):
            at += 1
            continue
        begin = at = at + number[1]
        while at < len(said) and at not in taken and said[at].plain not in _STRANGER_ENDS:
            at += 1
        free = said[begin:at]
        if free and at not in taken and not all(w.plain in _GENERIC | _SIZES for w in free):
            found.append(Mention(" ".join(w.written for w in free), begin, at, known=False))
    return sorted(found, key=lambda mention: mention.start)


def _ordered(said: Sequence[Word], mentions: Sequence[Mention]) -> list[Ordered]:
    """Give each dish the number before it and the options after it."""
    found: list[Ordered] = []
    heads = [_head(said, mentions, number) for number in range(len(mentions))]
    for number, mention in enumerate(mentions):
        quantity, _begins, size, definite = heads[number]
        until = heads[number + 1][1] if number + 1 < len(mentions) else len(said)
        options = (*size, *_options(said[mention.end : until]))
        found.append(
            Ordered(mention.name, quantity, options, known=mention.known, definite=definite)
        )
    return found


def _asked(mentions: Sequence[Mention]) -> list[Ordered]:
    return [Ordered(mention.name, None, known=mention.known) for mention in mentions]


def _head(
    said: Sequence[Word], mentions: Sequence[Mention], number: int
) -> tuple[int | None, int, tuple[str, ...], bool]:
    """Return (how many, where the dish's words begin, size, definite) before a mention."""
    floor = mentions[number - 1].end if number else 0
    start = mentions[number].start
    size: tuple[str, ...] = ()
    while start > floor and said[start - 1].plain in _GENERIC | _SIZES:
        start -= 1
        if said[start].plain in _SIZES:
            size = (said[start].written,)
    for length in range(min(5, start - floor), 0, -1):
        read = read_number([w.plain for w in said[start - length : start]])
        if read and read[1] == length:
            return read[0], start - length, size, False
    definite = start > floor and said[start - 1].plain in _DEFINITE
    return None, start - definite, size, definite


def _options(said: Sequence[Word]) -> tuple[str, ...]:
    """Split what stands after a dish at "avec", "et" and commas."""
    parts: list[list[str]] = [[]]
    for word in said:
        if word.plain in _OPTION_BREAKS:
            parts.append([])
        elif word.plain not in _FILLER and word.plain not in ("un", "une", "place"):
            parts[-1].append(word.written)
    return tuple(" ".join(part) for part in parts if part)


def _unknown(rest: Sequence[Word], number: tuple[int, int] | None) -> list[Ordered]:
    """Return a dish that is not on the menu, as the caller says it."""
    kept = [w.written for w in rest if w.plain not in _GENERIC and w.plain != ","]
    if not kept:
        return []
    return [Ordered(" ".join(kept), number[0] if number else None, known=False)]


def _name(text: str, flat: str) -> str | None:
    """Return the name given for the order."""
    for phrase in _NAME:
        before, found, after = flat.partition(phrase)
        if found and after.strip():
            said = [w for w in words(text) if w.plain != ","]
            skip = len(before.split()) + len(phrase.split())
            kept = [w.written for w in said[skip : skip + 2] if w.plain not in _FILLER]
            return " ".join(kept).title() or None
    return None
