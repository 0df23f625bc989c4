"""Which source networks a carrier may have, and the file FreeSWITCH reads them from."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.bridge.gateways.carrier_networks import (
    MARKER_LIST,
    UNION,
    InvalidNetwork,
    list_name,
    lists_xml,
    parse_network,
    parse_networks,
)

pytestmark = pytest.mark.unit


def read(text: str) -> dict[str, set[str]]:
    return {
        element.attrib["name"]: {node.attrib["cidr"] for node in element.iter("node")}
        for element in ElementTree.fromstring(text).iter("list")
    }


@pytest.mark.parametrize(
    "text",
    [
        *("0.0.0.0/0", "::/0", "0.0.0.0/32", "0.0.0.0/8", "::/128", "0.0.0.0"),
        *("128.0.0.0/1", "2000::/3", "224.0.0.0/24", "ff00::/16"),
        *("192.0.2.7/24", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2/24", "010.0.0.0/8", "", " "),
        *("192.0.2.0/24 ", "192.0.2.0/24\n", "192.0.2.0/24,0.0.0.0/0", "sip.example", "loopback"),
        *("fe80::%eth0/64", "fe80::1%eth0", "::ffff:192.0.2.7/128", "::ffff:0:0/96"),
        *(
            '192.0.2.0/24"/><node type="allow" cidr="0.0.0.0/0',
            "$${local_ip_v4}/24",
            "١٩٢.0.2.0/24",
        ),
    ],
)
def test_a_network_that_is_none_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(InvalidNetwork) as caught:
        parse_network(text, position=3)
    assert str(caught.value).startswith("source_networks, number 3: ")
    assert len(text) < 9 or text not in str(caught.value)


@pytest.mark.parametrize("text", ["192.0.2.0/24", "192.0.2.7", "10.0.0.0/8", "2001:db8::/32"])
def test_a_carriers_network_is_taken(text: str) -> None:
    assert parse_network(text, position=1)


@pytest.mark.parametrize("count", [0, 33])
def test_none_or_too_many_are_refused(count: int) -> None:
    with pytest.raises(InvalidNetwork, match="1 to 32"):
        parse_networks(["192.0.2.0/24"] * count)


def test_one_list_a_carrier_and_their_union() -> None:
    networks = {
        "x": parse_networks(["192.0.2.0/24", "2001:db8::/32"]),
        "y-1": parse_networks(["198.51.100.7"]),
        "closed": [],
    }
    text, marker = lists_xml(networks)
    lists = read(text)
    assert lists == {
        UNION: {"192.0.2.0/24", "2001:db8::/32", "198.51.100.7/32"},
        list_name("x"): {"192.0.2.0/24", "2001:db8::/32"},
        list_name("y-1"): {"198.51.100.7/32"},
        list_name("closed"): set(),
        MARKER_LIST: {f"{marker}/128"},
    }


def test_the_marker_changes_with_the_lists_and_only_then() -> None:
    one = parse_networks(["192.0.2.0/24", "198.51.100.0/24"])
    assert lists_xml({"x": one}) == lists_xml({"x": one[::-1]})
    assert lists_xml({"x": one})[1] != lists_xml({"x": one[:1]})[1]
    assert lists_xml({"x": one})[1] != lists_xml({"x": one[:1], "y": one[1:]})[1]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_is_refused_or_one_network_of_the_file(text: str) -> None:
    try:
        network = parse_network(text, position=1)
    except InvalidNetwork:
        return
    assert read(lists_xml({"x": [network]})[0])["carrier_x"] == {str(network)}
