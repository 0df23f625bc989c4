"""`alloresto demo`, `up` and `call`: one real call, end to end, and what came of it."""

import asyncio
import json
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import click
import psycopg

from controlplane.commands.options import json_line_option
from controlplane.commands.stack_address import DATA_FOLDER, STACK_FILE, StackAddress
from controlplane.contracts.messages import AgentConnected, CallEnded
from controlplane.database import libpq_url
from controlplane.local.demo.call_recording import CallRecording
from controlplane.local.demo.caller import PlayedCall, call_and_order
from controlplane.local.demo.journal import read_journal
from controlplane.local.demo.people import OWNER_EMAIL
from controlplane.local.demo.silence import silence_after_interruption_ms
from controlplane.local.demo.stack import Stack
from controlplane.local.demo.three_restaurants import KINDS
from controlplane.local.demo.transcript import LiveTranscript
from controlplane.log import configure_logging
from controlplane.prompts.synthesiser import synthesiser
from freeswitch.telephone.phone import CallError

RECORD_DEADLINE_S: Final = 3.0
"""The last call event arrives well within this after the hang-up."""

SPEECH: Final = ("--voice", "speech")
"""The simulated assistant speaks French here; benchmarks and tests have its tones."""

RECORDING: Final = DATA_FOLDER / "last-call.wav"

SPOKEN_ORDER: Final = (
    ("Margherita", 1, ("mozzarella",)),
    ("Quatre fromages", 1, ()),
    ("Coca-Cola 33 cl", 1, ()),
)
"""`ORDER_SCRIPT` orders this: dish, quantity, options."""


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """One order, as Postgres has it."""

    order_id: UUID
    number: int
    total_cents: int
    lines: tuple[tuple[str, int, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class DemoResult:
    """The demo's last line, as JSON."""

    call_id: str | None
    order_id: str | None
    order_total_cents: int | None
    switch: str
    realtime: str
    time_to_agent_ms: int | None
    interrupt_to_silence_ms: float | None
    recording: str | None
    """The call to listen to: caller left, assistant right."""


@click.command()
@json_line_option
def run_demo(*, as_json: bool) -> int:
    """Start everything, play one call.

    Everything is stopped in the end, which is 0 only if the spoken order was placed.
    """
    configure_logging(process="demo", level="WARNING", human=True)
    started = time.monotonic()
    with Stack(realtime_arguments=SPEECH) as stack:
        say(f"Tout est prêt en {decimal(time.monotonic() - started)} s.", as_json=as_json)
        return play_call(stack.address, as_json=as_json)


@click.command()
@click.option("--calls", default=1, help="Calls to play at the start.")
def run_up(*, calls: int) -> int:
    """Start everything and leave it running.

    It runs until Ctrl-C or SIGTERM.
    """
    configure_logging(process="up", level="WARNING", human=True)
    DATA_FOLDER.mkdir(exist_ok=True)
    folder = DATA_FOLDER.absolute()
    with (
        Stack(
            data_folder=folder, realtime_arguments=SPEECH, notifies=True, restaurants=True
        ) as stack,
        ExitStack() as undo,
    ):
        stack.address.save(STACK_FILE)
        undo.callback(STACK_FILE.unlink, missing_ok=True)
        for _ in range(calls):
            play_call(stack.address, as_json=False)
        say("\nTout tourne. `make call` passe un appel de plus ; Ctrl-C arrête tout.")
        say(f"Cuisine : {stack.address.kitchen_url}")
        say(f"Le site : {stack.address.public_url}/login")
        say(f"Connexion : {OWNER_EMAIL}, mot de passe {stack.address.owner_password}")
        say(f"SMS et courriels, qui ne partent pas : {folder / 'notifications'}")
        for kind in KINDS:
            say(f"{kind.name} : {stack.kitchen_url(kind.restaurant_id)}")
        wait_for_the_end()
    return 0


def wait_for_the_end() -> None:
    """Wait for Ctrl-C or SIGTERM: both end what runs in order."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    while not ended.wait(timeout=1.0):  # a wait without end would not see the signal
        pass


@click.command()
@json_line_option
def run_call(*, as_json: bool) -> int:
    """One more call to what `alloresto up` runs."""
    configure_logging(process="call", level="WARNING", human=True)
    return play_call(StackAddress.load(STACK_FILE), as_json=as_json)


def play_call(address: StackAddress, *, as_json: bool) -> int:
    """Play a caller who orders, interrupts once and confirms. 0: Postgres has what was spoken."""
    say(f"Un client appelle la Pizzeria Bella Napoli ({described(address)}).", as_json=as_json)
    show = None if as_json else (lambda line: say(line))
    began = time.monotonic()
    recording = CallRecording()
    with LiveTranscript(address.redis_url, show=show) as transcript:
        played = played_call(address, recording, as_json=as_json)
        wait_for_record(transcript)
    journal = read_journal(Path(address.journal), since=began) if address.journal else []
    for entry in journal:
        if entry.kind == "ScriptLost":
            say(
                f"Le modèle simulé ne sait que répondre : {entry.fields['reason']}", as_json=as_json
            )
    connected = next((e for e in transcript.events if isinstance(e, AgentConnected)), None)
    order = placed_order(address.database_url, connected.call_id) if connected else None
    result = DemoResult(
        call_id=str(connected.call_id) if connected else None,
        order_id=str(order.order_id) if order else None,
        order_total_cents=order.total_cents if order else None,
        switch=address.switch,
        realtime=address.realtime,
        time_to_agent_ms=connected.time_to_agent_ms if connected else None,
        interrupt_to_silence_ms=(
            silence_after_interruption_ms(journal, played.frames) if played else None
        ),
        recording=str(RECORDING) if written(recording, as_json=as_json) else None,
    )
    as_spoken = order is not None and sorted(order.lines) == sorted(SPOKEN_ORDER)
    report(address, result, order, as_spoken=as_spoken, as_json=as_json)
    return 0 if as_spoken else 1


def played_call(
    address: StackAddress, recording: CallRecording, *, as_json: bool
) -> PlayedCall | None:
    """Make the call; say why, and return None, when it was not played to its end."""
    try:
        return asyncio.run(call_and_order(address.dial_uri, recording=recording))
    except (CallError, TimeoutError) as error:
        say(f"L’appel a échoué : {error or type(error).__name__}", as_json=as_json)
        return None


def wait_for_record(transcript: LiveTranscript) -> None:
    """Wait until the call's end was recorded, or for the deadline."""
    deadline = time.monotonic() + RECORD_DEADLINE_S
    while time.monotonic() < deadline:
        if any(isinstance(event, CallEnded) for event in transcript.events):
            return
        time.sleep(0.05)


def placed_order(database_url: str, call_id: UUID) -> PlacedOrder | None:
    """Return the order of one call from Postgres, None when there is none or more than one."""
    with psycopg.connect(libpq_url(database_url), connect_timeout=5) as database:
        orders = database.execute(
            'SELECT id, number, total_cents FROM "order" WHERE call_id = %s', [call_id]
        ).fetchall()
        if len(orders) != 1:
            return None
        order_id, number, total = orders[0]
        rows = database.execute(
            "SELECT name, quantity, options FROM order_line WHERE order_id = %s ORDER BY position",
            [order_id],
        ).fetchall()
    lines = tuple((name, quantity, names(options)) for name, quantity, options in rows)
    return PlacedOrder(order_id, number, total, lines)


def names(options: Sequence[dict[str, str]]) -> tuple[str, ...]:
    """Return the options' names, in order."""
    return tuple(option["name"] for option in options)


def written(recording: CallRecording, *, as_json: bool) -> bool:
    """Write the call to `RECORDING`; False when nothing was heard, or where nothing can be written:
    the call counts, not its recording.
    """
    try:
        DATA_FOLDER.mkdir(exist_ok=True)
        return recording.write(RECORDING)
    except OSError as error:
        say(f"L’appel n’est pas enregistré : {error}", as_json=as_json)
        return False


def report(
    address: StackAddress,
    result: DemoResult,
    order: PlacedOrder | None,
    *,
    as_spoken: bool,
    as_json: bool,
) -> None:
    """Print what came of the call: for a person, or one JSON line."""
    if as_json:
        say(json.dumps(asdict(result)))
        return
    if order is None:
        say("\nAucune commande en base : la démonstration a échoué.")
        return
    say(f"\nCommande n° {order.number} en base : {euros(order.total_cents)}")
    for name, quantity, options in order.lines:
        say(f"  {quantity} × {name}" + (f" ({', '.join(options)})" if options else ""))
    say("C’est bien ce qui a été dit." if as_spoken else "Ce n’est PAS ce qui a été dit.")
    say(f"IA au bout du fil : {result.time_to_agent_ms} ms")
    if result.interrupt_to_silence_ms is not None:
        say(f"Silence après l’interruption : {decimal(result.interrupt_to_silence_ms)} ms")
    if result.recording is not None:
        say(f"À écouter : {result.recording} (client à gauche, IA à droite)")
    say(f"Cuisine : {address.kitchen_url}")


def described(address: StackAddress) -> str:
    """Say which parts are real."""
    switch = "FreeSWITCH" if address.switch == "freeswitch" else "simulateur de FreeSWITCH"
    if address.realtime == "openai":
        return f"{switch}, OpenAI Realtime"
    voice = "" if synthesiser() else ", dont la voix est une suite de sons faute d’espeak-ng"
    return f"{switch}, simulateur de Realtime{voice}"


def euros(cents: int) -> str:
    """Return `1234,50 €`, with the no-break space French asks for."""
    return f"{cents // 100},{cents % 100:02d}\u00a0€"


def decimal(value: float) -> str:
    """Return the value with one decimal, after a comma."""
    return f"{value:.1f}".replace(".", ",")


def say(line: str, *, as_json: bool = False) -> None:
    """Print for a person; with `as_json`, standard output belongs to the JSON line."""
    print(line, file=sys.stderr if as_json else sys.stdout, flush=True)
