"""The sentences of one message, before its channel makes an SMS or an e-mail of them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is said, and where to read more."""

    subject: str
    sentence: str
    link: str = ""
    language: str = "fr"
    signed: str = ""
    """Who says it; the restaurant, unless it says otherwise."""
