"""A command is one command's bytes, whatever is put into it."""

import pytest

from controlplane.esl import commands
from controlplane.esl.errors import InvalidEslArgument

pytestmark = pytest.mark.unit

_BREAKS = ["\n", "\r", "\r\n", "\0", "a\nb", "api status\n\napi shutdown", "x\ud800"]


@pytest.mark.parametrize("bad", _BREAKS)
def test_no_argument_can_hold_a_second_command(bad: str) -> None:
    def execute(
        *, channel: str = "u", app: str = "playback", arg: str = "", event: str = "e"
    ) -> None:
        commands.execute(channel, app, arg, event_uuid=event, event_lock=True)

    for attempt in (
        lambda: commands.auth(bad),
        lambda: commands.api(f"status {bad}"),
        lambda: commands.bgapi(f"status {bad}", job_uuid="j"),
        lambda: commands.bgapi("status", job_uuid=bad),
        lambda: commands.uuid_kill(bad, "NORMAL_CLEARING"),
        lambda: commands.uuid_kill("u", bad),
        lambda: commands.subscribe([bad]),
        lambda: execute(channel=bad),
        lambda: execute(app=bad),
        lambda: execute(arg=bad),
        lambda: execute(event=bad),
    ):
        with pytest.raises(InvalidEslArgument):
            attempt()


@pytest.mark.parametrize("empty", ["", " ", "two words"])
def test_a_name_is_one_word(empty: str) -> None:
    with pytest.raises(InvalidEslArgument):
        commands.uuid_kill(empty, "NORMAL_CLEARING")


def test_an_empty_command_is_refused() -> None:
    with pytest.raises(InvalidEslArgument):
        commands.api("  ")


def test_an_error_names_the_argument_and_not_its_text() -> None:
    with pytest.raises(InvalidEslArgument, match=r"^argument holds a line break or NUL$"):
        commands.execute("u", "playback", "secret\n", event_uuid="e", event_lock=True)


def test_execute_is_a_sendmsg_with_its_event_uuid() -> None:
    assert (
        commands.execute("u-1", "playback", "/tmp/é.wav", event_uuid="e-1", event_lock=True)
        == (
            "sendmsg u-1\ncall-command: execute\nexecute-app-name: playback\nEvent-UUID: e-1\n"
            "execute-app-arg: /tmp/é.wav\nevent-lock: true\n\n"
        ).encode()
    )
    assert b"event-lock" not in commands.execute("u", "park", "", event_uuid="e", event_lock=False)


def test_custom_subclasses_are_named_last() -> None:
    wanted = [
        "CUSTOM mod_audio_stream::connect",
        "CHANNEL_PARK",
        "sofia::gateway_add",
        "CUSTOM mod_audio_stream::json mod_audio_stream::play",
        "CUSTOM",
        "CHANNEL_PARK",
    ]

    assert commands.subscribe(wanted) == (
        b"event json CHANNEL_PARK CUSTOM mod_audio_stream::connect sofia::gateway_add "
        b"mod_audio_stream::json mod_audio_stream::play\n\n"
    )


@pytest.mark.parametrize("wrong", [[], [""], ["CUSTOM"], ["CHANNEL_PARK CHANNEL_ANSWER"]])
def test_a_subscription_to_nothing_is_refused(wrong: list[str]) -> None:
    with pytest.raises(InvalidEslArgument):
        commands.subscribe(wrong)


@pytest.mark.parametrize(
    ("command", "channel"),
    [("uuid_break u all", "u"), ("uuid_break u", None), ("uuid_kill u all", None), ("", None)],
)
def test_only_break_all_throws_queued_executions_away(command: str, channel: str | None) -> None:
    assert commands.breaks_all_of(command) == channel
