"""The event socket is opened again after whatever ended the last attempt: a bridge without it is
deaf for ever.
"""

import gevent
import pytest

from controlplane.esl import client as client_module
from controlplane.esl.client import EslClient
from controlplane.esl.connection import Connection
from controlplane.esl.errors import EslError
from tests.waiting import gevent_until

pytestmark = pytest.mark.unit


class CarelessConnection(Connection):
    """A connection whose opening fails, each time otherwise."""

    failures: tuple[BaseException, ...] = ()
    closed_because: list[EslError | None]

    def open(self, *, timeout_s: float = 0.0) -> None:
        raise self.failures[len(self.closed_because)]

    def close(self, failure: EslError | None = None) -> None:
        self.closed_because.append(failure)


def test_it_connects_again_whatever_the_last_attempt_ended_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "BACKOFF_FIRST_S", 0.0)
    monkeypatch.setattr(CarelessConnection, "closed_because", [], raising=False)
    failures = (LookupError("nobody"), gevent.Timeout(), EslError("refused"), gevent.GreenletExit())
    monkeypatch.setattr(CarelessConnection, "failures", failures)
    monkeypatch.setattr(client_module, "Connection", CarelessConnection)
    client = EslClient(host="127.0.0.1", port=1, password="long-enough", events=[], name="test")
    client.start()
    gevent_until(lambda: len(CarelessConnection.closed_because) == 3)
    client.close()
