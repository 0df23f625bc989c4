"""What opens a sealed SIP password, and what must not."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.errors import ConfigurationError
from controlplane.secret_box import SecretBox, SecretUnreadable

pytestmark = pytest.mark.unit

OWNER = uuid4()
OLD, NEW = SecretBox.new_key(), SecretBox.new_key()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_what_was_sealed_opens_again_byte_for_byte(secret: str) -> None:
    box = SecretBox.from_keys(OLD)
    assert box.open(box.seal(secret, owner=OWNER), owner=OWNER) == secret


def test_a_secret_opens_for_its_owner_only() -> None:
    box = SecretBox.from_keys(OLD)
    with pytest.raises(SecretUnreadable):
        box.open(box.seal("s3cret", owner=OWNER), owner=uuid4())


def test_a_changed_byte_is_noticed() -> None:
    box = SecretBox.from_keys(OLD)
    sealed = box.seal("s3cret", owner=OWNER)
    changed = sealed[:40] + ("A" if sealed[40] != "A" else "B") + sealed[41:]
    with pytest.raises(SecretUnreadable):
        box.open(changed, owner=OWNER)


@pytest.mark.parametrize("sealed", ["", "plain text", "é", "gAAAA", "\x00"])
def test_what_was_never_sealed_is_unreadable(sealed: str) -> None:
    box = SecretBox.from_keys(OLD)
    with pytest.raises(SecretUnreadable) as caught:
        box.open(sealed, owner=OWNER)
    assert not sealed or sealed not in str(caught.value)
    assert not box.is_newest(sealed)


def test_an_older_key_opens_and_the_newest_seals() -> None:
    sealed = SecretBox.from_keys(OLD).seal("s3cret", owner=OWNER)
    both = SecretBox.from_keys(f"{NEW}, {OLD}")
    assert both.open(sealed, owner=OWNER) == "s3cret"
    assert not both.is_newest(sealed)
    again = both.seal("s3cret", owner=OWNER)
    assert both.is_newest(again)
    assert SecretBox.from_keys(NEW).open(again, owner=OWNER) == "s3cret"
    with pytest.raises(SecretUnreadable):
        SecretBox.from_keys(OLD).open(again, owner=OWNER)


@pytest.mark.parametrize(
    "keys",
    ["", "short", f"{OLD},", f"{OLD};{NEW}", "é" * 44],
    ids=["empty", "short", "trailing comma", "semicolon", "not ASCII"],
)
def test_a_wrong_key_says_what_to_change_and_not_what_it_is(keys: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        SecretBox.from_keys(keys)
    assert "ALLORESTO_SECRET_KEYS" in str(caught.value)
    assert OLD not in str(caught.value)
