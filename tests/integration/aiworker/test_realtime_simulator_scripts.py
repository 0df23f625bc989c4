"""Scenario scripts over the simulator's socket: faults, unknown sentences, a voice to hear."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from aiworker.simulator.brain import Say
from aiworker.simulator.journal import FaultDone, ScriptLost
from aiworker.simulator.link import SimulatorSettings
from aiworker.simulator.script import Scripts
from aiworker.simulator.server import RealtimeSimulator, scripted
from aiworker.simulator.voice import EspeakVoice
from controlplane.prompts.speech import SpeechFailed
from controlplane.prompts.synthesiser import of_the_wheel, synthesiser
from tests.integration.realtime_simulator_client import QUICK, Client, connected
from tests.integration.realtime_steps import step_by_step

pytestmark = pytest.mark.integration

SLOW_S = 0.3
TURN = """
conversation: something goes wrong with the first answer, and nothing with the second
turns:
  - heard: bonjour
    faults: [{FAULT}]
    answer: [{say: Bonjour.}]
  - heard: bonjour
    answer: [{say: Bonjour.}]
"""
SENTENCE = "Total : vingt-six euros. C'est bien cela ?"


def simulator(folder: Path, fault: str) -> RealtimeSimulator:
    (folder / "one.yaml").write_text(TURN.replace("FAULT", fault), "utf-8")
    return RealtimeSimulator(brain=scripted(Scripts.from_folder(folder)), settings=QUICK)


async def ask(client: Client, text: str = "Bonjour") -> None:
    content = [{"type": "input_text", "text": text}]
    item = {"type": "message", "role": "user", "content": content}
    await client.send("conversation.item.create", item=item)
    await client.until("conversation.item.done")
    await client.send("response.create")


async def first_sound_s(client: Client) -> float:
    """From the question to the first audio, and on to the response's end."""
    began = asyncio.get_running_loop().time()
    await ask(client)
    await client.until("response.output_audio.delta")
    heard = asyncio.get_running_loop().time()
    await client.until("response.done")
    return heard - began


async def test_an_answer_is_slow_and_the_next_is_not(tmp_path: Path) -> None:
    fault = f"kind: slow, ms: {int(SLOW_S * 1_000)}"
    async with simulator(tmp_path, fault) as server, connected(server) as client:
        assert await first_sound_s(client) >= SLOW_S
        assert await first_sound_s(client) < SLOW_S
        assert [entry.kind for entry in server.journal.of(FaultDone)] == ["slow"]


async def test_the_session_closes_instead_of_an_answer(tmp_path: Path) -> None:
    async with simulator(tmp_path, "kind: close, code: 1011") as server:
        async with connected(server) as client:
            await ask(client)
            assert await client.closed() == 1011


async def test_a_mute_model_says_its_answer_when_it_is_asked_again(tmp_path: Path) -> None:
    async with simulator(tmp_path, "kind: mute") as server, connected(server) as client:
        await ask(client)
        await server.journal.wait_for(FaultDone)
        await client.send("response.cancel")
        assert (await client.until("response.done"))["response"]["output"] == []
        again = await client.respond()
        assert again["output"][0]["content"][0]["transcript"] == "Bonjour."
        assert server.journal.of(ScriptLost) == []


async def test_what_no_script_knows_is_heard_and_in_the_journal() -> None:
    async with RealtimeSimulator(settings=QUICK) as server, connected(server) as client:
        await ask(client, "La voiture est bleue.")
        response = (await client.until("response.done"))["response"]
        (lost,) = server.journal.of(ScriptLost)
    assert response["output"][0]["content"][0]["transcript"] == "Phrase inconnue."
    assert (lost.response_id, "La voiture" in lost.reason) == (response["id"], True)


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(
            synthesiser(),
            marks=pytest.mark.skipif(not shutil.which("espeak-ng"), reason="no espeak-ng here"),
            id="program",
        ),
        pytest.param(of_the_wheel(), id="wheel"),
    ],
)
async def test_the_answer_is_spoken_french(command: Sequence[str]) -> None:
    """Each frame is sent as long as the sentence takes, and none of it is a tone."""
    voice = EspeakVoice(command)
    spoken = await voice.speech(SENTENCE)
    assert 1_500 <= len(spoken) // 16 <= 5_000
    settings = SimulatorSettings(speed=20, think_ms=5, voice=voice)
    server = RealtimeSimulator(brain=step_by_step([Say(SENTENCE)]), settings=settings)
    async with server, connected(server) as client:
        response = await client.respond()
    frames = client.frames()
    assert len(frames) == len(spoken) // 320
    assert frames.count(None) > 0.95 * len(frames)
    assert response["output"][0]["content"][0]["transcript"] == SENTENCE


async def test_a_synthesiser_that_fails_is_told_by_its_command() -> None:
    with pytest.raises(SpeechFailed, match="false"):
        await EspeakVoice(["false"]).speech(SENTENCE)
