"""`python -m aiworker.simulator`: the Realtime simulator as a process of its own.

Prints one JSON line, `{"url": "ws://…/v1", "pid": …}`, when it listens; ends on SIGINT or SIGTERM.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from aiworker.simulator.faults import ScriptError, read_faults
from aiworker.simulator.hearing import Hearing
from aiworker.simulator.link import SimulatorSettings
from aiworker.simulator.script import SCRIPTS, Scripts
from aiworker.simulator.server import RealtimeSimulator, scripted
from aiworker.simulator.voice import EspeakVoice
from controlplane.log import configure_logging
from controlplane.prompts.synthesiser import synthesiser

CALLER_SOUNDS: Final = Path(__file__).resolve().parents[2] / "freeswitch" / "sounds" / "caller"


def run(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal. Options default to `ALLORESTO_SIMULATOR_*` in the environment."""
    options = _options(arguments)
    configure_logging(process="realtime-simulator", level=options.log_level)
    try:
        return asyncio.run(_serve(options))
    except ScriptError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    def default(name: str, otherwise: str) -> str:
        return os.environ.get(f"ALLORESTO_SIMULATOR_{name}", otherwise)

    parser = argparse.ArgumentParser(prog="aiworker.simulator", description=__doc__)
    parser.add_argument("--host", default=default("HOST", "127.0.0.1"))
    parser.add_argument("--port", type=int, default=default("PORT", "0"), help="0 = a free one")
    parser.add_argument(
        "--library",
        type=Path,
        action="append",
        help="folder of 8 kHz WAV recordings with .txt beside them; may be repeated",
    )
    parser.add_argument("--scripts", type=Path, default=SCRIPTS, help="folder of conversations")
    parser.add_argument("--speed", type=float, default=default("SPEED", "8"), help="1 to 20")
    parser.add_argument(
        "--voice",
        choices=("tones", "speech"),
        default="tones",
        help="tones tell which frame is heard; speech is tones too where there is no espeak-ng",
    )
    parser.add_argument("--faults", type=Path, default=default("FAULTS", "") or None)
    parser.add_argument("--journal", type=Path, default=default("JOURNAL", "") or None)
    parser.add_argument(
        "--monologue-ms", type=int, default=default("MONOLOGUE_MS", "0"), help="speak, never listen"
    )
    parser.add_argument(
        "--frame-stride",
        type=int,
        default=default("FRAME_STRIDE", "0"),
        help="tells sessions apart",
    )
    parser.add_argument("--log-level", default=default("LOG_LEVEL", "INFO"))
    options = parser.parse_args(arguments)
    if not 1 <= options.speed <= 20:
        parser.error("--speed is between 1 and 20")
    return options


async def _serve(options: argparse.Namespace) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    hearing = Hearing.from_folders(options.library or [CALLER_SOUNDS])
    async with RealtimeSimulator(
        brain=scripted(_scripts(options, hearing)),
        hearing=hearing,
        settings=SimulatorSettings(
            speed=options.speed, frame_stride=options.frame_stride, voice=_voice(options)
        ),
        faults=read_faults(options.faults) if options.faults else (),
        journal_file=options.journal,
        host=options.host,
        port=options.port,
    ) as server:
        sys.stdout.write(json.dumps({"url": server.url, "pid": os.getpid()}) + "\n")
        sys.stdout.flush()
        await stop.wait()
    return 0


def _voice(options: argparse.Namespace) -> EspeakVoice | None:
    command = synthesiser() if options.voice == "speech" else None
    return EspeakVoice(command) if command else None


def _scripts(options: argparse.Namespace, hearing: Hearing) -> Scripts:
    if options.monologue_ms:
        return Scripts.monologue(options.monologue_ms)
    return Scripts.from_folder(options.scripts, recordings=hearing.texts)


if __name__ == "__main__":
    sys.exit(run())
