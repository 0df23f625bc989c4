"""A telephone number as somebody wrote or said it at a restaurant."""

from controlplane.contracts.phone_numbers import normalise, region_of
from controlplane.restaurants.errors import NotANumber


def read_number(text: str, *, own: str) -> str:
    """Its E.164, read as people write numbers where the restaurant's phone `own` is.

    Raises `NotANumber`.
    """
    number = normalise(text, region_of(own))
    if number is None:
        raise NotANumber
    return number
