"""Remembers in which browsers somebody has signed in: a lock that strangers cause does not hold
there (OWASP calls it a device cookie).

It opens nothing: who steals it may only guess on, five times a quarter of an hour.
"""

from dataclasses import dataclass
from hashlib import sha256
from secrets import token_urlsafe
from typing import Final

from fastapi import Request, Response
from itsdangerous import BadSignature

from webapp.cookies import set_cookie, signer
from webapp.site import Site

COOKIE: Final = "known"
KNOWN_FOR_S: Final = 31_536_000
MOST_PEOPLE: Final = 5
"""A restaurant's computer is shared by so many; the one who signed in first is forgotten first."""


@dataclass(frozen=True, slots=True)
class KnownBrowser:
    """One browser, and hashes of the addresses that signed in there."""

    browser_id: str
    people: tuple[str, ...] = ()

    @classmethod
    def of(cls, request: Request, site: Site) -> "KnownBrowser":
        """Read the cookie; a browser without one is nobody's yet."""
        try:
            browser_id, *people = signer(site, COOKIE).loads(
                request.cookies.get(site.cookie(COOKIE), "")
            )
        except (BadSignature, ValueError):
            return cls(token_urlsafe(12))
        return cls(str(browser_id), tuple(map(str, people)))

    def knows(self, email: str) -> bool:
        return _hash(email) in self.people

    def remember(self, answer: Response, site: Site, email: str) -> None:
        """Have the browser keep that this address signed in there."""
        others = [each for each in self.people if each != _hash(email)]
        people = [*others, _hash(email)][-MOST_PEOPLE:]
        signed = signer(site, COOKIE).dumps([self.browser_id, *people])
        set_cookie(answer, site, site.cookie(COOKIE), signed, seconds=KNOWN_FOR_S)


def _hash(email: str) -> str:
    return sha256(email.strip().lower().encode()).hexdigest()[:16]
