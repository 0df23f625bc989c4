"""What a change of an account, its carrier, its restaurant or a bridge raises, and whom it tells.

Every case listens on both channels and ends with a notification of its own: what came before it
is all there was.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
import pytest

from controlplane.contracts.identifiers import new_id
from controlplane.database import libpq_url, sync_engine
from controlplane.models.restaurant import RESTAURANT_CHANNEL
from controlplane.models.sip_registration import REGISTRATION_CHANNEL
from tests.accounts import SECRETS, add_account, add_carrier

pytestmark = pytest.mark.integration

LAST_WORD: Final = "that was all"
BRIDGES: Final = ("owner", "former", "other")


@dataclass(frozen=True)
class Account:
    """One registration on `owner`, with the eye of whoever watches."""

    restaurant_id: UUID
    writer: psycopg.Connection[tuple[Any, ...]]
    listener: psycopg.Connection[tuple[Any, ...]]

    def run(self, statement: LiteralString, *values: object) -> set[str]:
        """The bridges told of it; '' stands for placement alone."""
        self.writer.execute(statement, values)
        return self._heard()[REGISTRATION_CHANNEL]

    def run_restaurant(self, statement: LiteralString, *values: object) -> set[str]:
        """The restaurants told of."""
        self.writer.execute(statement, values)
        return self._heard()[RESTAURANT_CHANNEL]

    def row(self) -> dict[str, Any]:
        with self.writer.cursor(row_factory=psycopg.rows.dict_row) as cursor:
            row = cursor.execute(
                "SELECT * FROM sip_registration WHERE restaurant_id = %s", [self.restaurant_id]
            ).fetchone()
        assert row is not None
        return row

    def _heard(self) -> dict[str, set[str]]:
        self.writer.execute("SELECT pg_notify(%s, %s)", [REGISTRATION_CHANNEL, LAST_WORD])
        heard: dict[str, set[str]] = {REGISTRATION_CHANNEL: set(), RESTAURANT_CHANNEL: set()}
        for notify in self.listener.notifies(timeout=10):
            if notify.payload == LAST_WORD:
                return heard
            heard[notify.channel].add(notify.payload)
        raise AssertionError("the last word was not heard")


@pytest.fixture
def account(database_url: str) -> Iterator[Account]:
    """On `owner`, version 1, refused twice; another account of another carrier beside it."""
    engine = sync_engine(database_url, application_name="test")
    with engine.begin() as connection:
        for bridge_id in BRIDGES:
            connection.exec_driver_sql(
                "INSERT INTO sip_bridge_node (id, capacity, last_seen_at)"
                f" VALUES ('{bridge_id}', 200, now())"
            )
        add_carrier(connection)
        add_carrier(connection, "other")
        restaurant_id = add_account(
            connection, "ours", bridge_id="owner", epoch=1, auth_failures=2, state="FAIL_WAIT"
        )
        add_account(connection, "theirs", carrier_id="other", bridge_id="other", epoch=1)
    engine.dispose()
    url = libpq_url(database_url)
    with (
        psycopg.connect(url, autocommit=True) as writer,
        psycopg.connect(url, autocommit=True) as listener,
    ):
        for channel in (REGISTRATION_CHANNEL, RESTAURANT_CHANNEL):
            listener.execute(f"LISTEN {channel}".encode())
        yield Account(restaurant_id, writer, listener)


def versions(account: Account) -> dict[str, int]:
    rows = account.writer.execute("SELECT gateway_name, config_version FROM sip_registration")
    return dict(rows.fetchall())


def test_a_changed_account_is_a_new_version_with_fresh_tries(account: Account) -> None:
    changes = (
        *("username = 'new'", "password_encrypted = 'new'", "carrier_id = 'other'"),
        *("domain = 'trunk.example'", "auth_username = 'new'"),
    )
    for version, change in enumerate(changes, start=2):
        account.run("UPDATE sip_registration SET next_retry_at = now(), auth_failures = 2")
        told = account.run(f"UPDATE sip_registration SET {change} WHERE gateway_name = 'ours'")
        row = account.row()
        assert (row["auth_failures"], row["next_retry_at"]) == (0, None), change
        assert (row["config_version"], told) == (version, {"owner"}), change


def test_an_upsert_that_changes_nothing_tells_nobody(account: Account) -> None:
    told = account.run(
        "INSERT INTO sip_registration AS r SELECT * FROM sip_registration"
        " ON CONFLICT (id) DO UPDATE SET username = excluded.username,"
        " carrier_id = excluded.carrier_id, password_encrypted = excluded.password_encrypted"
    )
    assert (account.row()["config_version"], account.row()["auth_failures"], told) == (1, 2, set())


def test_sealing_with_another_key_is_no_change_of_the_account(account: Account) -> None:
    """And the setting ends with its transaction."""
    sealed = SECRETS.seal("a password", owner=account.restaurant_id)
    with account.writer.transaction():
        account.writer.execute("SET LOCAL alloresto.resealing = 'on'")
        account.writer.execute("UPDATE sip_registration SET password_encrypted = %s", [sealed])
    assert (account.run("SELECT 1"), versions(account)) == (set(), {"ours": 1, "theirs": 1})
    assert account.row()["password_encrypted"] == sealed
    assert account.run("UPDATE sip_registration SET password_encrypted = 'x'") == {"owner", "other"}


def test_an_agents_report_tells_nobody(account: Account) -> None:
    for report in (
        "state = 'TRYING', state_at = now(), state_epoch = 1",
        "state = 'FAIL_WAIT', last_sip_code = 503, next_retry_at = now()",
        "auth_failures = 3, state = 'SUSPENDED', last_sip_code = 403",
        "state = 'REGED', state_epoch = 1, auth_failures = 0, next_retry_at = NULL",
    ):
        statement = f"UPDATE sip_registration SET {report} WHERE gateway_name = 'ours'"
        assert account.run(statement) == set(), report
    assert account.row()["config_version"] == 1


def test_another_try_asked_for_by_an_admin_is_told(account: Account) -> None:
    account.run("UPDATE sip_registration SET auth_failures = 3, state = 'SUSPENDED'")
    told = account.run("UPDATE sip_registration SET auth_failures = 0 WHERE gateway_name = 'ours'")
    assert (told, account.row()["config_version"]) == ({"owner"}, 1)


def test_another_try_the_controller_lets_an_account_have_is_told(account: Account) -> None:
    account.run("UPDATE sip_registration SET auth_failures = 3, state = 'SUSPENDED'")
    statement = "UPDATE sip_registration SET state = 'UNREGED' WHERE gateway_name = 'ours'"
    assert (account.run(statement), account.row()["config_version"]) == ({"owner"}, 1)


def test_an_outage_is_the_controllers_own_knowledge(account: Account) -> None:
    assert account.run("UPDATE carrier SET refuses_since = now()") == set()
    assert versions(account) == {"ours": 1, "theirs": 1}


def test_a_move_tells_both_bridges_and_its_end_needs_no_trigger(account: Account) -> None:
    moved = account.run(
        "UPDATE sip_registration SET bridge_id = 'other', former_bridge_id = 'owner', epoch = 2"
        " WHERE gateway_name = 'ours'"
    )
    assert moved == {"owner", "other"}
    released = account.run(
        "UPDATE sip_registration SET former_bridge_id = NULL WHERE gateway_name = 'ours'"
    )
    assert released == set()


def test_a_restaurant_taken_off_its_bridges_tells_them(account: Account) -> None:
    account.run(
        "UPDATE sip_registration SET former_bridge_id = 'former' WHERE gateway_name = 'ours'"
    )
    told = account.run(
        "UPDATE sip_registration SET bridge_id = NULL, former_bridge_id = NULL"
        " WHERE gateway_name = 'ours'"
    )
    assert told == {"", "owner", "former"}


def test_a_deleted_account_tells_owner_and_former(account: Account) -> None:
    account.run(
        "UPDATE sip_registration SET former_bridge_id = 'former' WHERE gateway_name = 'ours'"
    )
    told = account.run("DELETE FROM sip_registration WHERE gateway_name = 'ours'")
    assert told == {"owner", "former"}


def test_a_new_account_wakes_placement(account: Account) -> None:
    told = account.run(
        "INSERT INTO restaurant SELECT (jsonb_populate_record(r, jsonb_build_object("
        "'id', %s::uuid, 'slug', 'new'))).* FROM restaurant r WHERE slug = 'ours'",
        (new := new_id()),
    )
    assert told == set()
    told = account.run(
        "INSERT INTO sip_registration SELECT (jsonb_populate_record(s, jsonb_build_object("
        "'id', gen_random_uuid(), 'restaurant_id', %s::uuid, 'gateway_name', 'new',"
        " 'bridge_id', NULL))).* FROM sip_registration s WHERE gateway_name = 'ours'",
        new,
    )
    assert told == {""}


def test_a_carriers_account_profile_is_its_gateways_version(account: Account) -> None:
    changes = (
        "registrar = 'sip.other'",
        "transport = 'tcp'",
        "expire_seconds = 1800",
        "codecs = '{PCMU}'",
        "number_format = '00e164'",
        "domain = 'trunk.example'",
        "outbound_proxy = 'proxy.example'",
        "srtp = 'optional'",
    )
    for version, change in enumerate(changes, start=2):
        told = account.run(f"UPDATE carrier SET {change} WHERE id = 'test'")
        assert (told, versions(account)) == ({"owner"}, {"ours": version, "theirs": 1}), change
    assert account.row()["auth_failures"] == 0


def test_a_carriers_limits_are_read_again_and_make_no_gateway_again(account: Account) -> None:
    account.run(
        "UPDATE sip_registration SET former_bridge_id = 'former' WHERE gateway_name = 'ours'"
    )
    for change in (
        "source_networks = '{192.0.2.0/24}'",
        "registers_per_second = 3",
        "max_auth_failures = 5",
        "name = 'Autre nom'",
    ):
        told = account.run(f"UPDATE carrier SET {change} WHERE id = 'test'")
        assert (told, versions(account)) == ({"owner", "former"}, {"ours": 1, "theirs": 1}), change


def test_an_unchanged_carrier_tells_nobody(account: Account) -> None:
    assert account.run("UPDATE carrier SET name = name") == set()
    assert versions(account) == {"ours": 1, "theirs": 1}


def test_what_the_gateway_carries_of_its_restaurant_is_its_version(account: Account) -> None:
    for version, change in enumerate(("phone_e164 = '+33199000000'", "slug = 'renamed'"), start=2):
        told = account.run(f"UPDATE restaurant SET {change} WHERE slug = 'ours'")
        assert (told, versions(account)) == ({"owner"}, {"ours": version, "theirs": 1}), change


def test_a_restaurants_status_tells_its_bridge_and_makes_no_gateway_again(
    account: Account,
) -> None:
    told = account.run("UPDATE restaurant SET status = 'paused' WHERE slug = 'ours'")
    assert (told, versions(account)) == ({"owner"}, {"ours": 1, "theirs": 1})
    account.run("UPDATE sip_registration SET bridge_id = NULL WHERE gateway_name = 'ours'")
    assert account.run("UPDATE restaurant SET status = 'live' WHERE slug = 'ours'") == {""}


def test_what_only_a_worker_knows_of_a_restaurant_tells_no_bridge(account: Account) -> None:
    assert account.run("UPDATE restaurant SET name = 'Luigi' WHERE slug = 'ours'") == set()
    assert account.run("UPDATE restaurant SET status = status, phone_e164 = phone_e164") == set()
    told = account.run_restaurant("UPDATE restaurant SET voice = 'cedar' WHERE slug = 'ours'")
    assert told == {str(account.restaurant_id)}


def test_a_deleted_restaurant_is_told(account: Account) -> None:
    told = account.run_restaurant("DELETE FROM restaurant WHERE slug = 'ours'")
    assert told == {str(account.restaurant_id)}


def test_a_restaurants_call_policy_is_told_to_whoever_may_get_its_calls(account: Account) -> None:
    account.run(
        "UPDATE sip_registration SET former_bridge_id = 'former' WHERE gateway_name = 'ours'"
    )
    for statement in (
        "INSERT INTO blocked_caller (restaurant_id, phone_e164)"
        " SELECT id, '+33199002001' FROM restaurant WHERE slug = 'ours'",
        "UPDATE blocked_caller SET phone_e164 = '+33199002002'",
        "DELETE FROM blocked_caller",
        "INSERT INTO transfer_target (id, restaurant_id, name, phone_e164, mode, position)"
        " SELECT gen_random_uuid(), id, 'Léa', '+33199002001', 'warm', 0"
        " FROM restaurant WHERE slug = 'ours'",
        "UPDATE transfer_target SET phone_e164 = '+33199002002'",
        "DELETE FROM transfer_target",
        "UPDATE restaurant SET most_calls_at_once = 20 WHERE slug = 'ours'",
        "UPDATE restaurant SET timezone = 'Indian/Reunion' WHERE slug = 'ours'",
    ):
        assert account.run(statement) == {"owner", "former"}, statement


def test_a_drain_asked_for_is_told_and_a_heartbeat_is_not(account: Account) -> None:
    ask: LiteralString = "UPDATE sip_bridge_node SET drain_requested_at = {} WHERE id = 'owner'"
    assert account.run(ask.format("now()")) == {"owner"}
    assert account.run("UPDATE sip_bridge_node SET last_seen_at = now(), capacity = 9") == set()
    assert account.run(ask.format("NULL")) == {"owner"}
