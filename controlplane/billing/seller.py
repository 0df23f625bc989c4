"""Who sells: read from the environment when an invoice is issued, never guessed."""

from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints
from pydantic_settings import SettingsConfigDict
from stdnum.fr import siren as siren_number
from stdnum.fr import tva as vat_number

from controlplane.billing.document import Seller
from controlplane.settings import EnvironmentSettings

LEGAL_LATE_RATE: Final = "trois fois le taux d’intérêt légal"
"""The least the law allows (Code de commerce, art. L441-10 II)."""


def siren(value: str) -> str:
    """Nine digits that pass their check. Raises `ValueError`."""
    if not siren_number.is_valid(value):
        raise ValueError("no SIREN: nine digits, the last of which checks the others")
    return str(siren_number.compact(value))


def french_vat(value: str) -> str:
    """`FR` and eleven characters that pass their check. Raises `ValueError`."""
    if not vat_number.is_valid(value):
        raise ValueError("no French VAT number: FR, two characters and the SIREN")
    return f"FR{vat_number.compact(value)}"


Filled = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class SellerSettings(EnvironmentSettings):
    """All begin with ALLORESTO_SELLER_; only the late-payment rate has a default."""

    model_config = SettingsConfigDict(env_prefix="ALLORESTO_SELLER_")

    name: Filled
    legal_form: Filled
    siren: Annotated[str, AfterValidator(siren)]
    vat: Annotated[str, AfterValidator(french_vat)]
    registered: Filled
    street: Filled
    postcode: Annotated[str, StringConstraints(pattern=r"^\d{5}$")]
    city: Filled
    iban: Filled
    late_rate: Filled = LEGAL_LATE_RATE

    def seller(self) -> Seller:
        """The party that invoices name."""
        fields = self.model_dump()
        return Seller(vat_number=fields.pop("vat"), **fields)
