"""The site's words: French in the source, English in a catalogue a feature (GNU gettext).

The language is the request's (`LanguageOfRequest` sets it), so that templates and functions say
`_("…")` and pass nothing on. French is typeset as it is shown (`webapp/typography.py`).
"""

from contextvars import ContextVar
from functools import lru_cache
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any, Final, Literal, get_args

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from webapp.typography import typeset

Language = Literal["fr", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
LANGUAGE_COOKIE: Final = "language"
TRANSLATIONS: Final = Path(__file__).parent / "translations"

_language: ContextVar[Language] = ContextVar("language", default="fr")


def language() -> Language:
    """Return the language of the request that is answered."""
    return _language.get()


def speak(chosen: Language) -> None:
    """Answer the rest of this request in that language: a public page's link says which."""
    _language.set(chosen)


def _(message: str, **values: Any) -> str:
    """Say the French sentence in the visitor's language; `%(name)s` in it are the `values`."""
    said = gettext(message)
    return said % values if values else said


def N_(message: str) -> str:
    """Mark a constant's words for the catalogue; they are said by `_` when they are shown."""
    return message


def gettext(message: str) -> str:
    if language() == "fr":
        return typeset(message)
    return _english().get(message, message)


def ngettext(singular: str, plural: str, n: int) -> str:
    """French counts 0 and 1 in the singular, English 1 alone."""
    if language() == "fr":
        return typeset(singular if abs(n) < 2 else plural)
    return _english().get(singular if n == 1 else plural, plural)


@lru_cache(maxsize=1)
def _english() -> dict[str, str]:
    said: dict[str, str] = {}
    for path in sorted((TRANSLATIONS / "en").glob("*.po")):
        for each in read_catalogue(path):
            match each.id, each.string:
                case (tuple() as ids, tuple() as strings):
                    said.update(zip(ids, strings, strict=True))
                case (str() as text, str() as string) if text:
                    said[text] = string
    return said


def read_catalogue(path: Path) -> Catalog:
    """Read one feature's file. A plural's entry has two French forms and two English ones."""
    with path.open("rb") as file:
        return read_po(file, locale="en")


class LanguageOfRequest:
    """Sets the language that the visitor chose, which a cookie says; French when they did not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            _language.set(_chosen(Headers(scope=scope).get("cookie", "")))
        await self._app(scope, receive, send)


def _chosen(cookies: str) -> Language:
    try:
        said = SimpleCookie(cookies).get(LANGUAGE_COOKIE)
    except CookieError:
        return "fr"
    return "en" if said is not None and said.value == "en" else "fr"
