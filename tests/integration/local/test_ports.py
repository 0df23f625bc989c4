"""A free port is really free, of the right kind, and never given twice."""

import socket

import pytest

from controlplane.local.launch import ports

pytestmark = pytest.mark.integration


def test_a_port_can_be_bound_on_loopback() -> None:
    with socket.create_server((ports.LOOPBACK, ports.free_tcp_port())) as server:
        assert server.getsockname()[0] == "127.0.0.1"


def test_a_sip_port_is_free_on_both_transports() -> None:
    port = ports.free_sip_port()
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as bound:
            bound.bind((ports.LOOPBACK, port))


def test_an_rtp_range_is_whole_even_and_below_node_ports() -> None:
    block = ports.free_rtp_range(pairs=20)

    assert len(block) == 40
    assert block.start % 2 == 0
    assert block[-1] < 30_000
    bound = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in block]
    try:
        for port, server in zip(block, bound, strict=True):
            server.bind((ports.LOOPBACK, port))
    finally:
        for server in bound:
            server.close()


def test_no_port_is_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_handed_out", set())  # the rest of the session needs some too
    # Half of the range, so that a repetition is certain where none is prevented.
    pairs = [ports.free_rtp_pair() for _ in range(len(ports.RTP_PORTS) // 4)]
    block = ports.free_rtp_range(pairs=1)

    given = [port for pair in pairs for port in (pair, pair + 1)] + list(block)
    assert len(set(given)) == len(given)


def test_a_taken_port_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((ports.LOOPBACK, ports.free_tcp_port())) as server:
        taken = server.getsockname()[1]
        # Three ports to choose from, of which one is taken.
        monkeypatch.setattr(ports, "SERVER_PORTS", range(taken - 1, taken + 2))
        monkeypatch.setattr(ports, "_handed_out", set())

        given = {ports.free_tcp_port(), ports.free_tcp_port()}

        assert given == {taken - 1, taken + 1}
        with pytest.raises(ports.NoFreePort):
            ports.free_tcp_port()
