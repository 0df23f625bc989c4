"""Admin commands work over whichever library is there, on a scripted listener."""

import sys
import time
from collections.abc import Iterator

import pytest

from controlplane.esl import probe
from controlplane.esl.errors import (
    EslAuthenticationFailed,
    EslCommandFailed,
    EslDisconnected,
    EslTimeout,
    InvalidEslArgument,
)
from controlplane.esl.probe import AdminClient
from tests.integration.esl_server import EslServer, output

pytestmark = pytest.mark.integration

# As FreeSWITCH 1.10.12 prints them.
STATUS = """UP 0 years, 2 days, 3 hours, 10 minutes, 42 seconds, 779 milliseconds, 12 microseconds
FreeSWITCH (Version 1.10.12 -release git a88d069 64bit) is ready
91 session(s) since startup
4 session(s) - peak 12, last 5min 5
0 session(s) per Sec out of max 100, peak 9, last 5min 1
1000 session(s) max
min idle cpu 0.00/90.17
"""
SOFIA_STATUS = """         Name	   Type	               Data	State
============================================================
                 external	profile	             sip:mod_sofia@127.0.0.1:15998	RUNNING (0)
   external::bella-0a1b2c	gateway	                     sip:u@127.0.0.1	REGED
external::chez-luigi-3f9a1c2b	gateway	sip:u@127.0.0.1	FAIL_WAIT (retry: 27s)
============================================================
1 profile 0 aliases
"""

with_each_library = pytest.mark.parametrize(
    "library",
    [
        "greenswitch",
        pytest.param(
            "python-ESL",
            marks=pytest.mark.skipif(
                probe.native_library() is None, reason="the extra esl-native is not installed"
            ),
        ),
    ],
    indirect=True,
)


@pytest.fixture
def server() -> Iterator[EslServer]:
    with EslServer() as server:
        server.answer("api status", output(STATUS))
        server.answer("api show calls count", output("\n2 total.\n"))
        server.answer("api sofia status", output(SOFIA_STATUS))
        yield server


@pytest.fixture
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Hides python-ESL, if it is installed, from the tests of the other."""
    if request.param == "greenswitch":
        monkeypatch.setitem(sys.modules, "ESL", None)
    return str(request.param)


@pytest.fixture
def client(server: EslServer, library: str) -> Iterator[AdminClient]:
    client = probe.open_admin_client("127.0.0.1", server.port, server.password, timeout_s=0.5)
    yield client
    client.close()


@with_each_library
def test_status_says_what_an_admin_asks(server: EslServer, library: str) -> None:
    assert probe.status_lines("127.0.0.1", server.port, server.password)[:-1] == [
        "FreeSWITCH 1.10.12: ready, up for 2 d 3 h",
        "Sessions: 4, peak 12, at most 1000",
        "Calls now: 2",
        "Gateways: 2, 1 registered",
        "  external::chez-luigi-3f9a1c2b: FAIL_WAIT (retry: 27s)",
        f"Asked over {library}",
    ]


@pytest.mark.parametrize(
    ("version", "warned"),
    [
        *(("1.10.12", True), ("1.11.1", True), ("1.11.2", False), ("1.11.10", False)),
        *(("1.12", False), ("2.0.0", False), ("unknown", True)),
    ],
)
def test_an_old_release_is_warned_of(server: EslServer, version: str, warned: bool) -> None:  # noqa: FBT001
    server.answer("api status", output(STATUS.replace("1.10.12", version)))
    last = probe.status_lines("127.0.0.1", server.port, server.password)[-1]
    assert last.startswith("WARNING: ") is warned
    assert ("1.11.2 or later" in last) is (warned and version != "unknown")


@with_each_library
def test_a_switch_without_sofia_still_has_a_status(server: EslServer, library: str) -> None:
    server.answer("api sofia status", output("-ERR sofia Command not found!\n"))
    lines = probe.status_lines("127.0.0.1", server.port, server.password)
    assert lines[3] == "Gateways: mod_sofia is not loaded"


@with_each_library
def test_a_refusal_carries_freeswitchs_words(client: AdminClient, server: EslServer) -> None:
    server.answer("api bad", output("-ERR bad Command not found!\n"))
    with pytest.raises(EslCommandFailed) as caught:
        client.api("bad")
    assert caught.value.reply == "-ERR bad Command not found!"


@with_each_library
def test_bytes_that_are_not_utf_8_are_replaced(client: AdminClient, server: EslServer) -> None:
    server.answer("api show channels", output(b"Andr\xe9,1\n"))
    assert client.api("show channels") == "Andr\ufffd,1"


@with_each_library
def test_a_line_break_is_refused(client: AdminClient, server: EslServer) -> None:
    with pytest.raises(InvalidEslArgument):
        client.api("status\n\napi fsctl shutdown")
    assert server.count("api") == 0


@with_each_library
def test_a_silent_switch_is_given_up_and_its_late_reply_never_read(
    client: AdminClient, server: EslServer
) -> None:
    server.answer("api silence", None)
    began = time.monotonic()
    with pytest.raises(EslTimeout):
        client.api("silence")
    assert time.monotonic() - began < 2
    with pytest.raises(EslDisconnected):
        client.api("status")


@with_each_library
def test_a_listener_that_never_speaks_is_given_up(library: str) -> None:
    with EslServer(greets=False) as server, pytest.raises(EslTimeout):
        probe.open_admin_client("127.0.0.1", server.port, server.password, timeout_s=0.2)


@with_each_library
def test_a_wrong_password_is_said(server: EslServer, library: str) -> None:
    with pytest.raises(EslAuthenticationFailed):
        probe.open_admin_client("127.0.0.1", server.port, "guess")


@with_each_library
def test_a_closed_port_is_said(server: EslServer, library: str) -> None:
    port = server.port
    server.stop()
    with pytest.raises(EslDisconnected):
        probe.open_admin_client("127.0.0.1", port, server.password)
