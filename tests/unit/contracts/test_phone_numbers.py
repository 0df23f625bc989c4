"""Numbers as people and carriers write them, as carriers are given them, and the ones refused."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneMetadata

from controlplane.contracts.phone_numbers import (
    FRANCE,
    NumberFormat,
    UnsafeNumber,
    dialled,
    normalise,
    refuse_unsafe,
    region_of,
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
    assert normalise(written, FRANCE) == e164


OVERSEAS = {
    "RE": ("0692 12 34 56", "+262692123456"),
    "YT": ("0639 01 23 45", "+262639012345"),
    "GP": ("0690 12 34 56", "+590690123456"),
    "MF": ("0691 22 34 56", "+590691223456"),
    "GF": ("0694 12 34 56", "+594694123456"),
    "MQ": ("0696 12 34 56", "+596696123456"),
    "PM": ("0508 41 12 34", "+508411234"),
}


@pytest.mark.parametrize(("written", "e164"), OVERSEAS.values(), ids=OVERSEAS)
@pytest.mark.parametrize("own", ["+33199001234", *(e164 for _, e164 in OVERSEAS.values())])
def test_an_overseas_number_is_none_of_the_mainland_s_wherever_it_is_written(
    written: str, e164: str, own: str
) -> None:
    assert normalise(written, region_of(own)) == e164
    assert normalise(f"+33{written[1:]}", region_of(own)) == e164, "as some carriers send it"


@pytest.mark.parametrize("own", [e164 for _, e164 in OVERSEAS.values()])
def test_a_mainland_number_is_the_mainland_s_wherever_it_is_written(own: str) -> None:
    assert normalise("01 99 00 12 34", region_of(own)) == "+33199001234"
    assert normalise("06 39 98 01 23", region_of(own)) == "+33639980123"


@pytest.mark.parametrize(
    ("own", "region"),
    [
        ("+33199001234", "FR"),
        ("+262262123456", "RE"),
        ("+262269012345", "RE"),  # Mayotte: the same code, the same plan
        ("+590590271234", "GP"),  # Saint-Barthélemy
        ("+508411234", "PM"),
        ("+3225550000", "BE"),
        ("+41225550000", "CH"),
        ("0199001234", "FR"),
        ("", "FR"),
    ],
)
def test_the_region_is_that_of_the_restaurant_s_own_phone(own: str, region: str) -> None:
    assert region_of(own) == region


@pytest.mark.parametrize(
    ("own", "written", "e164"),
    [
        ("+3225550000", "0470 12 34 56", "+32470123456"),
        ("+3225550000", "+33 6 39 98 01 23", "+33639980123"),
        ("+3225550000", "0033 692 12 34 56", "+262692123456"),
        ("+41225550000", "078 123 45 67", "+41781234567"),
    ],
)
def test_elsewhere_a_number_is_read_by_that_country_s_plan(
    own: str, written: str, e164: str
) -> None:
    assert normalise(written, region_of(own)) == e164


def fixed_and_mobile(region: str) -> st.SearchStrategy[str]:
    """National numbers, without their 0, that libphonenumber's metadata gives a territory."""
    plan = PhoneMetadata.metadata_for_region(region)
    assert plan is not None
    patterns = [
        kind.national_number_pattern or "" for kind in (plan.fixed_line, plan.mobile) if kind
    ]
    return st.sampled_from(patterns).flatmap(
        lambda pattern: st.from_regex(pattern, fullmatch=True, alphabet="0123456789")
    )


@pytest.mark.parametrize("region", ["RE", "YT", "GP", "BL", "MF", "GF", "MQ"])
@given(data=st.data())
def test_every_overseas_number_known_keeps_its_country_code(
    region: str, data: st.DataObject
) -> None:
    national = data.draw(fixed_and_mobile(region))
    if national[0] in "89":
        return  # special rates and voice over IP: of no place
    code = phonenumbers.country_code_for_region(region)
    for own in ("+33199001234", f"+{code}{national}"):
        assert normalise(f"0{national}", region_of(own)) == f"+{code}{national}"


@given(st.text(max_size=20), st.sampled_from(["FR", "RE", "YT", "GP", "BE", "GB", "US"]))
def test_what_was_read_once_reads_the_same_everywhere(text: str, region: str) -> None:
    e164 = normalise(text, region)
    if e164 is not None:
        assert {normalise(e164, elsewhere) for elsewhere in ("FR", "RE", "BE", "US")} == {e164}


@pytest.mark.parametrize(
    "hidden",
    [None, "", "anonymous", "Anonymous", "unavailable", "restricted", "0", "-1", "+", "a1b2"],
)
def test_hidden_callers_have_no_number(hidden: str | None) -> None:
    assert normalise(hidden, FRANCE) is None


@pytest.mark.parametrize("number", sorted(EMERGENCY | SHORT))
def test_emergency_and_short_numbers_are_no_numbers(number: str) -> None:
    assert normalise(number, FRANCE) is None
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
    e164 = normalise(f"0{first}{digits}", FRANCE)
    assert e164 is not None
    assert normalise(e164, FRANCE) == e164
    assert normalise(dialled(e164, number_format), FRANCE) == e164


@given(st.text(alphabet="+0123456789", max_size=18), st.sampled_from(NumberFormat))
def test_nothing_dangerous_is_ever_dialled(text: str, number_format: NumberFormat) -> None:
    for number in filter(None, (text, f"+{text}", f"+33{text}", normalise(text, FRANCE))):
        try:
            out = dialled(number, number_format)
        except UnsafeNumber:
            continue
        assert len(out) >= 9
        assert out.lstrip("+") not in EMERGENCY | SHORT
        national = normalise(out, FRANCE)
        assert national == number
        assert not dialled(number, NumberFormat.NATIONAL).startswith("08")
