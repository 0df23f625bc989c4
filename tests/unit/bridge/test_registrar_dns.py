"""A registrar's name is asked about before its gateway is added, and nobody waits for another's."""

import threading
from collections.abc import Iterator

import gevent
import pytest

from controlplane.bridge.gateways import registrar_dns as names_module
from controlplane.bridge.gateways.registrar_dns import DnsUnanswered, RegistrarDns, is_address
from tests.waiting import gevent_until

pytestmark = pytest.mark.unit


class Resolver:
    """Answers at once, but for `dead`, which hangs until released."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.release = threading.Event()

    def __call__(self, host: str) -> bool:
        self.asked.append(host)
        if host == "odd.example" and self.asked.count(host) == 1:
            raise OSError("no thread, no file, no memory")
        if host == "dead.example":
            return self.release.wait(10)
        return host != "refused.example"


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    monkeypatch.setattr(names_module, "ANSWER_DEADLINE_S", 0.2)
    resolver = Resolver()
    yield resolver
    resolver.release.set()


def test_an_answer_serves_every_account_of_the_carrier(resolver: Resolver) -> None:
    names = RegistrarDns(resolver)
    for _ in range(3):
        names.require_answer("sip.example:5060")
    names.require_answer("192.0.2.1:5060")
    assert resolver.asked == ["sip.example"]


def test_a_name_without_an_answer_holds_up_no_other(resolver: Resolver) -> None:
    names = RegistrarDns(resolver)
    waiting = [gevent.spawn(names.require_answer, "dead.example") for _ in range(5)]
    gevent_until(lambda: "dead.example" in resolver.asked)
    names.require_answer("sip.example")
    gevent.joinall(waiting, timeout=2)
    assert all(isinstance(one.exception, DnsUnanswered) for one in waiting)
    assert resolver.asked.count("dead.example") == 1


def test_a_resolver_that_gave_up_is_no_answer_and_is_asked_again(resolver: Resolver) -> None:
    names = RegistrarDns(resolver)
    for _ in range(2):
        with pytest.raises(DnsUnanswered):
            names.require_answer("refused.example")
    assert len(resolver.asked) == 2


def test_a_resolver_that_failed_is_asked_again(resolver: Resolver) -> None:
    names = RegistrarDns(resolver)
    with pytest.raises(DnsUnanswered):
        names.require_answer("odd.example")
    names.require_answer("odd.example")


@pytest.mark.parametrize(
    ("host", "address"), [("192.0.2.1", True), ("sip.example", False), ("1.2.3", False)]
)
def test_addresses_are_not_asked_about(host: str, *, address: bool) -> None:
    assert is_address(host) is address
