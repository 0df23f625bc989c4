"""The simulator reads our dialplan by FreeSWITCH's rules, also where ours is silent."""

from pathlib import Path

import pytest

from controlplane.local.launch.installation import CONF_FOLDER
from freeswitch.simulator.dialplan import Action, Dialplan, expand

pytestmark = pytest.mark.unit

OF_A_RESTAURANT = {"sip_gateway": "luigi-0a1b2c3d", "alloresto_restaurant_id": "0193-id"}


@pytest.fixture
def shipped() -> Dialplan:
    return Dialplan(CONF_FOLDER / "dialplan", global_variables={"sounds_folder": "/sounds"})


def applications(actions: list[Action]) -> list[str]:
    return [action.application for action in actions]


def test_a_restaurants_call_is_answered_greeted_and_parked(shipped: Dialplan) -> None:
    actions = shipped.hunt("public", "incoming_call", OF_A_RESTAURANT.get)

    names = applications(actions)
    assert Action("playback", "/sounds/greeting_generic.wav") in actions
    assert names.index("answer") < names.index("playback") < names.index("park")
    assert names[-1] == "park"


def test_a_call_of_nobody_is_refused(shipped: Dialplan) -> None:
    nothing: dict[str, str] = {}
    for context in ("default", "public"):
        actions = shipped.hunt(context, "incoming_call", nothing.get)
        assert actions == [Action("respond", "503")]


def test_unknown_context(shipped: Dialplan) -> None:
    assert shipped.hunt("elsewhere", "incoming_call", OF_A_RESTAURANT.get) == []


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        # The default is on-false: a failed condition ends the extension.
        ('<condition field="${a}" expression="^no$"><action application="x"/></condition>'
         '<condition><action application="y"/></condition>', ["last"]),
        # never: the next condition is looked at.
        ('<condition field="${a}" expression="^no$" break="never"><action application="x"/>'
         '</condition><condition><action application="y"/></condition>', ["y"]),
        # on-true: a condition that passed ends it.
        ('<condition field="${a}" expression="^yes$" break="on-true"><action application="x"/>'
         '</condition><condition><action application="y"/></condition>', ["x"]),
        # An anti-action counts as a match.
        ('<condition field="${a}" expression="^no$"><action application="x"/>'
         '<anti-action application="z"/></condition>', ["z"]),
        # What was collected before a failure stays.
        ('<condition><action application="x"/></condition>'
         '<condition field="${a}" expression="^no$"/>', ["x", "last"]),
    ],
)  # fmt: skip
def test_breaks(tmp_path: Path, conditions: str, expected: list[str]) -> None:
    (tmp_path / "p.xml").write_text(
        f'<include><context name="c"><extension name="e">{conditions}</extension>'
        '<extension name="l"><condition><action application="last"/></condition></extension>'
        "</context></include>"
    )

    actions = Dialplan(tmp_path, global_variables={}).hunt("c", "d", {"a": "yes"}.get)

    assert applications(actions) == expected


def test_unset_variables_expand_to_nothing() -> None:
    assert expand("${a}-${b}", {"a": "1"}.get) == "1-"
