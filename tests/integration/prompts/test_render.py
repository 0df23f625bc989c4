"""A prompt is rendered by either engine in a process of its own, and a failure says no secret."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest

from controlplane.prompts import openai_speech
from controlplane.prompts.engines import Engine
from controlplane.prompts.render import Request, render
from controlplane.prompts.speech import SpeechFailed
from controlplane.prompts.synthesiser import read_wav, synthesiser
from controlplane.prompts.telephone_sound import TARGET_DBFS
from tests.integration.switch_under_test import pitch, tone

pytestmark = pytest.mark.integration

KEY: Final = "sk-secret"
SPOKEN_HZ: Final = 500
"""The stand-in's voice: L16 of 8 kHz that is said to be of 24 kHz is three times as high."""


@dataclass
class SpeechApi:
    """A server of OpenAI's speech API, with one second of one tone to say."""

    status: int = 200
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str | None] = field(default_factory=set)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[SpeechApi]:
    api = SpeechApi()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            api.asked.append({"path": self.path, **json.loads(body)})
            api.keys.add(self.headers["Authorization"])
            answer = tone(SPOKEN_HZ, 3_000) if api.status == 200 else f"{KEY} no".encode()
            self.send_response(api.status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ALLORESTO_SPEECH_URL", f"http://127.0.0.1:{server.server_port}/v1")
    yield api
    server.shutdown()
    server.server_close()


def test_openai_says_it_in_the_restaurant_s_voice(api: SpeechApi) -> None:
    sound = render(Request(engine=Engine.OPENAI, text="Menu à 12,50 €.", voice="cedar"))
    [asked] = api.asked
    assert asked.pop("instructions")
    assert asked == {
        "path": "/v1/audio/speech",
        "model": "gpt-4o-mini-tts",
        "voice": "cedar",
        "input": "Menu à 12 euros 50.",
        "response_format": "pcm",
    }
    assert api.keys == {f"Bearer {KEY}"}
    assert sound.duration_ms == pytest.approx(1_000, abs=40)
    assert sound.level_dbfs == pytest.approx(TARGET_DBFS, abs=0.2)
    heard = read_wav(sound.wav)
    assert heard.rate_hz == 8_000
    assert pitch(heard.l16[8_000:8_320]) == 3 * SPOKEN_HZ


@pytest.mark.parametrize(("status", "tries"), [(401, 1), (500, 2)])
def test_a_refusal_is_told_without_the_key_and_tried_again_once_if_it_may_pass(
    api: SpeechApi, status: int, tries: int
) -> None:
    api.status = status
    with pytest.raises(SpeechFailed, match=f"^openai: \\w+, {status}$"):
        openai_speech.say("Bonjour.", "marin")
    assert len(api.asked) == tries


@pytest.mark.skipif(synthesiser() is None, reason="neither espeak-ng nor espeakng-loader here")
def test_espeak_says_it_without_anybody_s_account() -> None:
    sound = render(Request(engine=Engine.ESPEAK_NG, text="Bonjour, ici Luigi.", voice="marin"))
    assert 500 < sound.duration_ms < 4_000
    with pytest.raises(SpeechFailed, match=r"^espeak-ng: |said nothing"):
        render(Request(engine=Engine.ESPEAK_NG, text=" ", voice="marin"))
    with pytest.raises(SpeechFailed, match=r"^it takes \d+ ms, 25000 at most$"):
        render(Request(engine=Engine.ESPEAK_NG, text="bonjour " * 100, voice="marin"))
