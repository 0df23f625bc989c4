"""Webhooks go where the internet goes, and nowhere behind our own walls."""

import pytest

from controlplane.restaurants.api_errors import AddressFault, EndpointRefused
from controlplane.restaurants.webhook_address import check_address, public_only

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("", AddressFault.NOT_A_URL),
        ("https://", AddressFault.NOT_A_URL),
        ("https://caisse.example:x/", AddressFault.NOT_A_URL),
        ("https://caisse.example/é", AddressFault.NOT_A_URL),
        ("http://caisse.example/", AddressFault.NOT_HTTPS),
        ("file:///etc/passwd", AddressFault.NOT_A_URL),
        ("https://me:secret@caisse.example/", AddressFault.WITH_PASSWORD),
        ("https://localhost/", AddressFault.NOT_PUBLIC),
        ("https://127.0.0.1/", AddressFault.NOT_PUBLIC),
        ("https://192.168.1.4/", AddressFault.NOT_PUBLIC),
        ("https://169.254.169.254/latest/meta-data", AddressFault.NOT_PUBLIC),
        ("https://[::1]/", AddressFault.NOT_PUBLIC),
        ("https://[::ffff:10.0.0.1]/", AddressFault.NOT_PUBLIC),
        ("https://[64:ff9b::a00:1]/", AddressFault.NOT_PUBLIC),
    ],
)
def test_an_address_is_refused_with_its_fault(url: str, fault: AddressFault) -> None:
    with pytest.raises(EndpointRefused) as refused:
        check_address(url, local=False)
    assert refused.value.fault is fault


def test_a_developers_own_machine_is_told_on_their_stack_alone() -> None:
    check_address("http://127.0.0.1:9000/hook", local=True)
    check_address("https://caisse.example:8443/alloresto?x=1", local=False)


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        (["93.184.215.14"], ["93.184.215.14"]),
        (["93.184.215.14", "10.0.0.1"], []),
        (["2606:2800:21f:cb07::1"], ["2606:2800:21f:cb07::1"]),
        (["fd00::1"], []),
        (["0.0.0.0"], []),
        (["224.0.0.1"], []),
    ],
)
def test_a_name_is_asked_only_where_all_of_it_is_public(found: list[str], kept: list[str]) -> None:
    assert public_only(found, local=False) == kept
