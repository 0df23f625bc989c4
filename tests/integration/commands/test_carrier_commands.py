"""`alloresto carrier` and `alloresto sip add|set`: what people type is checked."""

import io
from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import Engine, insert, select, update
from sqlalchemy.orm import Session

from controlplane.cli import main
from controlplane.contracts.identifiers import new_id
from controlplane.database import sync_engine
from controlplane.models.carrier import Carrier
from controlplane.models.restaurant import Restaurant
from controlplane.models.sip_registration import SipRegistration
from tests.accounts import SECRET_KEYS, SECRETS, add_carrier

pytestmark = pytest.mark.integration

NETWORKS = "192.0.2.0/24,198.51.100.7/32"
PASSWORD = "s3cret é%20x"
Said = pytest.CaptureFixture[str]


@pytest.fixture
def engine(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("ALLORESTO_SECRET_KEYS", SECRET_KEYS)
    engine = sync_engine(database_url, application_name="test")
    yield engine
    engine.dispose()


@pytest.fixture
def luigi(engine: Engine) -> UUID:
    """A restaurant without an account, and a carrier."""
    restaurant_id = new_id()
    with engine.begin() as connection:
        add_carrier(connection, "ovh", registrar="siptrunk.ovh.net", expire_seconds=1800)
        connection.execute(
            insert(Restaurant).values(
                id=restaurant_id,
                slug="chez-luigi",
                name="Chez Luigi",
                spoken_name="Chez Luigi",
                address="Lyon",
                phone_e164="+33199005678",
                status="live",
            )
        )
    return restaurant_id


def typed(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))


def carriers(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(select(Carrier.id)))


def account(engine: Engine) -> SipRegistration:
    with Session(engine) as session:
        return session.scalars(select(SipRegistration)).one()


def test_a_carrier_like_ovh_has_its_expiry_and_number_format(engine: Engine, capsys: Said) -> None:
    assert main(["carrier", "add", "ovh", "--like", "ovh", "--networks", NETWORKS]) == 0
    assert main(["carrier", "show", "ovh"]) == 0
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()[1:])
    assert shown["registrar"] == "siptrunk.ovh.net"
    assert shown["expire_seconds"] == "1800"
    assert shown["number_format"] == "00e164"
    assert shown["source_networks"] == "192.0.2.0/24, 198.51.100.7/32"
    assert main(["carrier", "list"]) == 0
    listed = capsys.readouterr().out.splitlines()[1].split()
    assert listed == ["ovh", "siptrunk.ovh.net", "udp", "1800", "10", "00e164", "0"]


def test_set_changes_what_is_given_and_nothing_else(engine: Engine, capsys: Said) -> None:
    with engine.begin() as connection:
        add_carrier(connection, "ovh", expire_seconds=60)
    assert main(["carrier", "set", "ovh", "--expire-seconds", "1800"]) == 0
    assert "0 registrations are made again" in capsys.readouterr().out
    with engine.connect() as connection:
        row = connection.execute(select(Carrier.__table__)).one()
    assert (row.expire_seconds, row.registrar) == (1800, "sip.example")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--registrar sip:sip.example.net", "--registrar: a host name"),
        ("--registrar sip.example.net:99999", "--registrar: a host name"),
        ("--registrar $${x}", "--registrar: a host name"),
        ("--expire-seconds 30", "--expire-seconds: between 60 and 86400"),
        ("--registers-per-second 0", "--registers-per-second: between 1 and 100"),
        ("--max-auth-failures 11", "--max-auth-failures: between 1 and 10"),
        ("--transport sctp", "--transport: udp, tcp, tls"),
        ("--srtp maybe", "--srtp: off, optional, required"),
        ("--domain sip:trunk.example", "--domain: a host name"),
        ("--domain trunk.example:5060", "--domain: a host name"),
        ("--outbound-proxy sip:proxy.example", "--outbound-proxy: a host name"),
        ("--outbound-proxy proxy.example:0", "--outbound-proxy: a host name"),
        ("--number-format 0033", "--number-format: +e164, 00e164, national"),
        ("--networks 192.0.2.1/24", "source_networks, number 1"),
        ("--networks 192.0.2.0/24,0.0.0.0/0", "source_networks, number 2"),
        ("--codecs PCMA,<b>", "codecs"),
    ],
)
def test_a_wrong_option_is_named_and_nothing_is_kept(
    engine: Engine, capsys: Said, words: str, said: str
) -> None:
    given = words.split()
    good = [] if "--networks" in given else ["--networks", NETWORKS]
    assert main(["carrier", "add", "some", "--like", "ovh", *good, *given]) == 1
    assert said in capsys.readouterr().err
    assert carriers(engine) == []


def test_what_is_missing_unknown_or_there_already_is_said(engine: Engine, capsys: Said) -> None:
    assert main(["carrier", "add", "ovh", "--like", "ovh"]) == 1
    assert "--networks is missing" in capsys.readouterr().err
    assert main(["carrier", "add", "Ovh!", "--like", "ovh", "--networks", NETWORKS]) == 1
    assert "ID: 1 to 32" in capsys.readouterr().err
    assert main(["carrier", "set", "ovh", "--name", "x"]) == 1
    assert "no carrier is called 'ovh'" in capsys.readouterr().err
    assert main(["carrier", "add", "ovh", "--like", "ovh", "--networks", NETWORKS]) == 0
    assert main(["carrier", "add", "ovh", "--like", "ovh", "--networks", NETWORKS]) == 1
    assert "there is a carrier ovh already" in capsys.readouterr().err


def test_an_account_is_added_sealed_under_a_name_nobody_guesses(
    engine: Engine, luigi: UUID, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, PASSWORD)
    assert (
        main(["sip", "add", "chez-luigi", "--carrier", "ovh", "--username", "0033199001234"]) == 0
    )
    said = capsys.readouterr()
    assert PASSWORD not in said.out + said.err
    row = account(engine)
    assert row.gateway_name.startswith("chez-luigi-")
    assert len(row.gateway_name) == len("chez-luigi-") + 8
    assert SECRETS.open(row.password_encrypted, owner=luigi) == PASSWORD
    typed(monkeypatch, PASSWORD)
    assert main(["sip", "add", "chez-luigi", "--carrier", "ovh", "--username", "1"]) == 1
    assert f"alloresto sip set {row.gateway_name}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("username", "password", "field"),
    [
        ("00331 990", PASSWORD, "username"),
        ("0033199001234@", PASSWORD, "domain"),
        ("sip:0033199001234@trunk.example", PASSWORD, "username"),
        ("0033199001234", "a$${b}", "password"),
        ("0033199001234", "a:b", "password"),
        ("0033199001234", "", "password"),
    ],
)
def test_a_refused_account_names_the_field_and_not_the_value(
    engine: Engine,
    luigi: UUID,
    capsys: Said,
    monkeypatch: pytest.MonkeyPatch,
    username: str,
    password: str,
    field: str,
) -> None:
    typed(monkeypatch, password)
    words = ["sip", "add", str(luigi), "--carrier", "ovh", "--username", username]
    assert main(words) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"alloresto: {field}: ")
    assert not password or password not in said
    with engine.connect() as connection:
        assert connection.execute(select(SipRegistration.id)).all() == []


def test_a_carrier_of_any_shape_is_kept_and_taken_back(engine: Engine, capsys: Said) -> None:
    words = "--registrar sip.example:5070 --domain trunk.example --outbound-proxy sbc.example:5061"
    words += f" --transport tls --srtp optional --networks {NETWORKS}"
    assert main(["carrier", "add", "some", *words.split()]) == 0
    columns = Carrier.__table__.c
    shape = (columns.domain, columns.outbound_proxy, columns.transport, columns.srtp)
    with engine.connect() as connection:
        row = connection.execute(select(*shape)).one()
    assert tuple(row) == ("trunk.example", "sbc.example:5061", "tls", "optional")
    assert main(["carrier", "set", "some", "--domain", "-", "--outbound-proxy", "-"]) == 0
    with engine.connect() as connection:
        assert tuple(connection.execute(select(*shape)).one())[:2] == (None, None)


@pytest.mark.parametrize(
    ("typed_words", "kept"),
    [
        ("--username 0033199001234", ("0033199001234", None, None)),
        (
            "--username 0033199001234@trunk.example",
            ("0033199001234", "trunk.example", "0033199001234@trunk.example"),
        ),
        (
            "--username 0033199001234@trunk.example --auth-username trunk-42",
            ("0033199001234", "trunk.example", "trunk-42"),
        ),
        ("--username 0033199001234 --auth-username trunk-42", ("0033199001234", None, "trunk-42")),
    ],
)
def test_an_account_is_kept_as_carriers_give_it(
    engine: Engine,
    luigi: UUID,
    capsys: Said,
    monkeypatch: pytest.MonkeyPatch,
    typed_words: str,
    kept: tuple[str | None, ...],
) -> None:
    typed(monkeypatch, PASSWORD)
    assert main(["sip", "add", str(luigi), "--carrier", "ovh", *typed_words.split()]) == 0
    row = account(engine)
    assert (row.username, row.domain, row.auth_username) == kept
    capsys.readouterr()
    assert main(["sip", "explain", row.gateway_name]) == 0
    said = capsys.readouterr().out
    assert f"It is sip:{kept[0]}@{kept[1] or 'siptrunk.ovh.net'}, sent to siptrunk.ovh.net" in said
    assert kept[2] is None or f"answers its challenges as {kept[2]}" in said
    assert main(["sip", "set", row.gateway_name, "--auth-username", "-"]) == 0
    row = account(engine)
    assert (row.username, row.domain, row.auth_username) == (*kept[:2], None)
    assert main(["sip", "set", row.gateway_name, "--username", "0033199005678"]) == 0
    row = account(engine)
    assert (row.username, row.domain, row.auth_username) == ("0033199005678", None, None)


def test_unknown_restaurant_and_carrier_are_said(engine: Engine, luigi: UUID, capsys: Said) -> None:
    assert main(["sip", "add", "luigi", "--carrier", "ovh", "--username", "1"]) == 1
    assert "did you mean chez-luigi?" in capsys.readouterr().err
    assert main(["sip", "add", "chez-luigi", "--carrier", "free", "--username", "1"]) == 1
    assert "no carrier is called 'free'" in capsys.readouterr().err


def test_set_gives_a_new_password_and_fresh_tries(
    engine: Engine, luigi: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, "wrong")
    main(["sip", "add", "chez-luigi", "--carrier", "ovh", "--username", "0033199001234"])
    before = account(engine)
    with engine.begin() as connection:
        connection.execute(update(SipRegistration).values(auth_failures=3, state="SUSPENDED"))
    typed(monkeypatch, PASSWORD)
    assert main(["sip", "set", "chez-luigi-" + before.gateway_name[-8:], "--password"]) == 0
    after = account(engine)
    assert SECRETS.open(after.password_encrypted, owner=luigi) == PASSWORD
    assert (after.auth_failures, after.username) == (0, "0033199001234")
    assert after.config_version == before.config_version + 1
