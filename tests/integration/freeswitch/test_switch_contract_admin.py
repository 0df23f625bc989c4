"""What the agent writes for `fs_cli` is read there, on the simulator and on FreeSWITCH."""

import pytest

from tests.integration.event_socket_client import EventSocketClient

pytestmark = pytest.mark.integration


async def test_a_global_variable_is_kept_until_it_is_emptied(client: EventSocketClient) -> None:
    assert await client.api("global_setvar ar_test=two words%0A100%25") == "+OK"
    assert await client.api("global_getvar ar_test") == "two words%0A100%25"
    assert await client.api("global_setvar ar_test=") == "+OK"
    assert await client.api("global_getvar ar_test") in ("", "-ERR no reply\n")
    assert (await client.api("global_setvar")).startswith("-USAGE")


async def test_a_global_variable_is_emptied_while_it_is_what_one_says(
    client: EventSocketClient,
) -> None:
    await client.api("global_setvar ar_test=mine")
    assert await client.api("global_setvar ar_test==theirs") == "+OK"
    assert await client.api("global_getvar ar_test") == "mine"
    assert await client.api("global_setvar ar_test==mine") == "+OK"
    assert await client.api("global_getvar ar_test") in ("", "-ERR no reply\n")
    assert await client.api("global_setvar ar_test==mine") == "+OK"


async def test_an_alias_is_added_and_deleted(client: EventSocketClient) -> None:
    assert await client.api("alias add 'ar_test one' echo a;;echo ${b}") == "+OK\n"
    assert await client.api("alias del 'ar_test one'") == "+OK\n"
    assert (await client.api("alias add")).startswith("-USAGE")


async def test_the_number_of_sessions_is_bounded_while_it_runs(client: EventSocketClient) -> None:
    before = (await client.api("status")).split(" session(s) max")[0].rpartition("\n")[2]
    assert await client.api("fsctl max_sessions 90") == "+OK max sessions: 90\n"
    assert "90 session(s) max" in await client.api("status")
    await client.api(f"fsctl max_sessions {before}")
