"""The proxy that failovers are tried with: new connections go to the new server, old ones stay."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from controlplane.local.launch.ports import LOOPBACK
from controlplane.local.launch.tcp_proxy import TcpProxy
from tests.waiting import block_until

pytestmark = pytest.mark.integration

DELAY_S = 0.2


@contextmanager
def server(name: bytes) -> Iterator[int]:
    """Answer each line with this name; the port."""

    class Answer(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline():
                self.wfile.write(name + b"\n")

    with socketserver.ThreadingTCPServer((LOOPBACK, 0), Answer) as listening:
        listening.daemon_threads = True
        threading.Thread(target=listening.serve_forever, args=(0.01,)).start()
        yield listening.server_address[1]
        listening.shutdown()


def connect(proxy: TcpProxy) -> socket.socket:
    return socket.create_connection((LOOPBACK, proxy.port), timeout=10)


def ask(connection: socket.socket) -> bytes:
    """Who answers; nothing when the connection is closed."""
    try:
        connection.sendall(b"?\n")
        return connection.recv(100).strip()
    except ConnectionError:
        return b""


def test_new_connections_go_to_the_new_server_and_old_ones_stay() -> None:
    with server(b"old") as old, server(b"new") as new, TcpProxy(old) as proxy:
        with connect(proxy) as before:
            assert ask(before) == b"old"
            proxy.route(new)
            with connect(proxy) as after:
                assert (ask(before), ask(after)) == (b"old", b"new")
                assert (proxy.connections(old), proxy.connections(new)) == (1, 1)
        block_until(lambda: not proxy.connections(old) and not proxy.connections(new))


def test_it_cuts_and_refuses_and_is_slow() -> None:
    with server(b"one") as port, TcpProxy(port) as proxy:
        with connect(proxy) as connection:
            assert ask(connection) == b"one"
            proxy.cut()
            assert ask(connection) == b""
        proxy.route(None)
        with connect(proxy) as connection:
            assert ask(connection) == b""
        proxy.route(port)
        proxy.delay_s = DELAY_S
        with connect(proxy) as connection:
            began = time.monotonic()
            assert ask(connection) == b"one"
            assert time.monotonic() - began >= 2 * DELAY_S


def test_a_url_is_spelt_with_the_address_of_the_proxy() -> None:
    with TcpProxy(1) as proxy:
        address = f"{LOOPBACK}:{proxy.port}"

        assert proxy.url("redis://:secret@db:6379/0") == f"redis://:secret@{address}/0"
        assert proxy.url("postgresql://db/x?a=b") == f"postgresql://{address}/x?a=b"
