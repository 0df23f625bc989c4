"""A kitchen link opens one restaurant's kitchen, for a time."""

import time
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from itsdangerous import URLSafeTimedSerializer

from webapp.kitchen.link import kitchen_key, kitchen_link, opens_kitchen

pytestmark = pytest.mark.unit

SECRET = "a secret of tests only"
BELLA = UUID("0199f000-0000-7000-8000-000000000001")
OTHER = UUID("0199f000-0000-7000-8000-000000000002")


def opens(key: str, restaurant_id: UUID = BELLA, *, secret: str = SECRET) -> bool:
    return opens_kitchen(key, restaurant_id, secret=secret, max_age_days=30)


def test_the_link_is_the_page_with_a_key_that_opens_it() -> None:
    url = urlsplit(kitchen_link("https://alloresto.example/", BELLA, secret=SECRET))
    assert (url.netloc, url.path) == ("alloresto.example", f"/place/{BELLA}/kitchen")
    assert opens(parse_qs(url.query)["key"][0])


def test_a_key_opens_no_other_restaurant() -> None:
    assert not opens(kitchen_key(OTHER, secret=SECRET))
    assert opens(kitchen_key(OTHER, secret=SECRET), OTHER)


def test_a_key_of_another_secret_or_salt_opens_nothing() -> None:
    assert not opens(kitchen_key(BELLA, secret="another secret"))
    assert not opens(URLSafeTimedSerializer(SECRET, salt="invitation").dumps(str(BELLA)))


def test_a_key_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    key = kitchen_key(BELLA, secret=SECRET)
    in_31_days = time.time() + 31 * 86_400
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: in_31_days)
    assert not opens(key)


@pytest.mark.parametrize("key", ["", "x", "a.b.c", "é" * 20, "." * 300])
def test_what_is_no_key_opens_nothing(key: str) -> None:
    assert not opens(key)


def test_a_changed_character_opens_nothing() -> None:
    key = kitchen_key(BELLA, secret=SECRET)
    for place in range(0, len(key), 7):
        other = "A" if key[place] != "A" else "B"
        assert not opens(key[:place] + other + key[place + 1 :]), place
