"""Numbers as people and carriers write them, as carriers are given them, and the ones refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.contracts.phone_numbers import (
    NumberFormat,
    UnsafeNumber,
    dialled,
    normalise,
    refuse_unsafe,
)

pytestmark = pytest.mark.unit

EMERGENCY = {"112", "15", "17", "18", "114", "115", "119", "116000", "191", "196", "197"}
SHORT = {"3631", "3949", "118218", "118712", "1014", "1023", "116117"}
DIGITS = st.text(alphabet="0123456789", min_size=8, max_size=8)


@pytest.mark.parametrize(
    ("written", "e164"),
    [
        ("+33199005678", "+33199005678"),
        ("0033199005678", "+33199005678"),
        ("01 99 00 56 78", "+33199005678"),
        ("01.99.00.56.78", "+33199005678"),
        ("+33 (0)1 99 00 56 78", "+33199005678"),
        ("+33639980123", "+33639980123"),
        ("0262 12 34 56", "+262262123456"),
        ("+262262123456", "+262262123456"),
        ("+33262123456", "+262262123456"),
        ("0693123456", "+262693123456"),
        ("0639012345", "+262639012345"),
        ("0590123456", "+590590123456"),
        ("00594594123456", "+594594123456"),
        ("0596123456", "+596596123456"),
        ("0508411234", "+508411234"),
        ("+442079460958", "+442079460958"),
    ],
)
def test_a_number_is_read_however_it_is_written(written: str, e164: str) -> None:
    assert normalise(written) == e164


@pytest.mark.parametrize(
    "hidden",
    [None, "", "anonymous", "Anonymous", "unavailable", "restricted", "0", "-1", "+", "a1b2"],
)
def test_hidden_callers_have_no_number(hidden: str | None) -> None:
    assert normalise(hidden) is None


@pytest.mark.parametrize("number", sorted(EMERGENCY | SHORT))
def test_emergency_and_short_numbers_are_no_numbers(number: str) -> None:
    assert normalise(number) is None
    for spelling in (number, f"+{number}", f"+33{number}"):
        with pytest.raises(UnsafeNumber):
            refuse_unsafe(spelling)


@pytest.mark.parametrize(
    "number",
    [
        "+33892123456",
        "+33820123456",
        "+33800123456",
        "+262892123456",
        "+881612345678",
        "+870772001234",
        "+442079460958",
        "+33262123456",
        "+262123456789",
        "+3319900567",
        "+331990056789",
        "+33099005678",
        "0199005678",
    ],
)
def test_what_costs_or_is_elsewhere_is_refused(number: str) -> None:
    with pytest.raises(UnsafeNumber) as refused:
        dialled(number)
    assert number.lstrip("+") not in str(refused.value)


def test_another_country_is_the_restaurants_own_or_refused() -> None:
    belgian = "+3225551212"
    assert dialled(belgian, own="+3225550000") == belgian
    with pytest.raises(UnsafeNumber):
        dialled(belgian, own="+33199005678")
    with pytest.raises(UnsafeNumber):
        dialled("+33199005678", own=belgian)
    with pytest.raises(UnsafeNumber):
        dialled("+3290123456", own=belgian)  # 0901: premium


@given(st.sampled_from("12345679"), DIGITS, st.sampled_from(NumberFormat))
def test_every_ordinary_french_number_comes_back_as_it_was(
    first: str, digits: str, number_format: NumberFormat
) -> None:
    e164 = normalise(f"0{first}{digits}")
    assert e164 is not None
    assert normalise(e164) == e164
    assert normalise(dialled(e164, number_format)) == e164


@given(st.text(alphabet="+0123456789", max_size=18), st.sampled_from(NumberFormat))
def test_nothing_dangerous_is_ever_dialled(text: str, number_format: NumberFormat) -> None:
    for number in filter(None, (text, f"+{text}", f"+33{text}", normalise(text))):
        try:
            out = dialled(number, number_format)
        except UnsafeNumber:
            continue
        assert len(out) >= 9
        assert out.lstrip("+") not in EMERGENCY | SHORT
        national = normalise(out)
        assert national == number
        assert not dialled(number, NumberFormat.NATIONAL).startswith("08")
