"""Words that people write and others read or hear."""

from controlplane.restaurants.setup_errors import WordsRefused


def readable(words: str, what: str, *, most: int, least: int = 1) -> str:
    """Return the words with single spaces. Raises `WordsRefused`."""
    words = " ".join(words.split())
    if not least <= len(words) <= most or not words.isprintable():
        raise WordsRefused(what, most)
    return words
