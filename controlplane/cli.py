"""The console command `alloresto`. Each subcommand imports what it runs, and nothing else.

Processes differ in runtime (gevent, asyncio): importing one must not bring the other.
"""

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from typing import Final

from pydantic import ValidationError

from controlplane.commands import bridge, caller, carrier, environment, secrets, sip, transfer
from controlplane.errors import AlloRestoError

READER_GONE_EXIT: Final = 141
"""As a shell tells of a command that SIGPIPE ended."""

Command = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand. A wrong setting or argument ends with a line that says what to change."""
    arguments = _parser().parse_args(argv)
    command: Command = arguments.command
    try:
        ended = command(arguments)
        sys.stdout.flush()  # here, where a reader that is gone can be told
        return ended
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            name = "_".join(map(str, problem["loc"]))
            setting = name if name.isupper() else f"ALLORESTO_{name.upper()}"
            print(f"alloresto: {setting}: {problem['msg']}", file=sys.stderr)
        return 2
    except AlloRestoError as error:
        print(f"alloresto: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `alloresto sip list | head`
        # The interpreter flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE_EXIT


def run_bridge_agent(_: argparse.Namespace) -> int:
    """The agent beside one FreeSWITCH."""
    from gevent import monkey

    monkey.patch_all()
    from controlplane.bridge.bridge_agent import run

    return run()


def run_controller(_: argparse.Namespace) -> int:
    """Placement and recorder."""
    from gevent import monkey

    monkey.patch_all()
    from controlplane.controller.controller import run

    run()
    return 0


def run_ai_worker(_: argparse.Namespace) -> int:
    """The AI worker."""
    gc.disable()  # collecting while modules load doubles the time to the first claim
    from aiworker.ai_worker import run

    gc.freeze()
    gc.enable()
    return run()


def run_web(_: argparse.Namespace) -> int:
    """The web app."""
    from webapp.web import run

    run()
    return 0


def demo(arguments: argparse.Namespace) -> int:
    """One call, end to end."""
    from controlplane.local.demo.demo import run_demo

    return run_demo(as_json=arguments.json)


def up(arguments: argparse.Namespace) -> int:
    """The whole stack, until Ctrl-C."""
    from controlplane.local.demo.demo import run_up

    return run_up(calls=arguments.calls)


def call(arguments: argparse.Namespace) -> int:
    """One more call to the stack that `alloresto up` runs."""
    from controlplane.local.demo.demo import run_call

    return run_call(as_json=arguments.json)


def db_upgrade(_: argparse.Namespace) -> int:
    """Migrate the database."""
    from controlplane.migrations.schema import upgrade

    secret_keys = os.environ.get("ALLORESTO_SECRET_KEYS") or None
    upgrade(environment.database_url(), secret_keys=secret_keys)
    return 0


def fs_status(arguments: argparse.Namespace) -> int:
    """What one FreeSWITCH says of itself."""
    from controlplane.esl.probe import status_lines

    password = environment.esl_password()
    print(*status_lines(arguments.host, arguments.port, password), sep="\n")
    return 0


def bench_call(arguments: argparse.Namespace) -> int:
    """Calls, measured at the caller's ear."""
    from controlplane.local.bench.call import run_bench_call

    return run_bench_call(calls=arguments.calls, as_json=arguments.json)


def bench_worker(arguments: argparse.Namespace) -> int:
    """CPU and memory of a worker, a call."""
    from controlplane.local.bench.worker import run_bench_worker

    return run_bench_worker(
        calls=arguments.calls, seconds=arguments.seconds, as_json=arguments.json
    )


def bench_placement(arguments: argparse.Namespace) -> int:
    """How fast and how evenly registrations are spread."""
    from controlplane.local.bench.placement import run_bench_placement

    return run_bench_placement(as_json=arguments.json)


def bench_menu_change(arguments: argparse.Namespace) -> int:
    """From a change of the menu to the next call's menu."""
    from controlplane.local.bench.menu_change import run_bench_menu_change

    return run_bench_menu_change(changes=arguments.changes, as_json=arguments.json)


def bench_registrations(arguments: argparse.Namespace) -> int:
    """A thousand restaurants, until the operator has them all."""
    from controlplane.local.bench.registrations import run_bench_registrations

    return run_bench_registrations(
        registrations=arguments.registrations,
        bridges=arguments.bridges,
        pace=arguments.pace,
        as_json=arguments.json,
    )


def bench_failover(arguments: argparse.Namespace) -> int:
    """A bridge killed with all it has, until others have it."""
    from controlplane.local.bench.failover import run_bench_failover

    return run_bench_failover(
        on_victim=arguments.on_victim,
        on_others=arguments.on_others,
        bridges=arguments.bridges,
        pace=arguments.pace,
        as_json=arguments.json,
    )


def bench_drain(arguments: argparse.Namespace) -> int:
    """A bridge drained with calls in progress, while one of its restaurants is called."""
    from controlplane.local.bench.drain import run_bench_drain
    from controlplane.local.launch.carrier.server import BindingRule

    return run_bench_drain(
        on_victim=arguments.on_victim,
        calls=arguments.calls,
        bridges=arguments.bridges,
        pace=arguments.pace,
        binding_rule=BindingRule.ONE if arguments.one_binding else BindingRule.SEVERAL,
        as_json=arguments.json,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="alloresto", description="A voice AI that answers the restaurant's telephone."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run one process").add_subparsers(
        required=True, metavar="PROCESS"
    )
    for name, process in {
        "bridge-agent": run_bridge_agent,
        "controller": run_controller,
        "ai-worker": run_ai_worker,
        "web": run_web,
    }.items():
        run.add_parser(name, help=process.__doc__).set_defaults(command=process)

    one_call = commands.add_parser("demo", help="start everything, play one call")
    one_call.add_argument("--json", action="store_true", help="end with one JSON line")
    one_call.set_defaults(command=demo)

    stack = commands.add_parser("up", help="start everything and leave it running")
    stack.add_argument("--calls", type=int, default=1, help="calls to play at the start")
    stack.set_defaults(command=up)

    another = commands.add_parser("call", help="one more call to what `alloresto up` runs")
    another.add_argument("--json", action="store_true", help="end with one JSON line")
    another.set_defaults(command=call)

    database = commands.add_parser("db", help="the database").add_subparsers(
        required=True, metavar="ACTION"
    )
    database.add_parser("upgrade", help="migrate to the newest schema").set_defaults(
        command=db_upgrade
    )

    bridge.add_to(commands)
    caller.add_to(commands)
    carrier.add_to(commands)
    secrets.add_to(commands)
    sip.add_to(commands)
    transfer.add_to(commands)

    freeswitch = commands.add_parser("fs", help="a FreeSWITCH, over ESL").add_subparsers(
        required=True, metavar="ACTION"
    )
    status = freeswitch.add_parser("status", help=fs_status.__doc__)
    status.add_argument("--host", default="127.0.0.1")
    status.add_argument("--port", type=int, default=8021)
    status.set_defaults(command=fs_status)

    bench = commands.add_parser("bench", help="measure").add_subparsers(
        required=True, metavar="WHAT"
    )
    calls = bench.add_parser("call", help=bench_call.__doc__)
    calls.add_argument("--calls", type=int, default=50)
    calls.add_argument("--json", action="store_true", help="end with one JSON line")
    calls.set_defaults(command=bench_call)
    worker = bench.add_parser("worker", help=bench_worker.__doc__)
    worker.add_argument("--calls", type=int, default=50)
    worker.add_argument("--seconds", type=int, default=20)
    worker.add_argument("--json", action="store_true", help="end with one JSON line")
    worker.set_defaults(command=bench_worker)
    placement = bench.add_parser("placement", help=bench_placement.__doc__)
    placement.add_argument("--json", action="store_true", help="end with one JSON line")
    placement.set_defaults(command=bench_placement)
    menu_change = bench.add_parser("menu-change", help=bench_menu_change.__doc__)
    menu_change.add_argument("--changes", type=int, default=50)
    menu_change.add_argument("--json", action="store_true", help="end with one JSON line")
    menu_change.set_defaults(command=bench_menu_change)
    for name, run_bench, counts in (
        ("registrations", bench_registrations, {"registrations": 1_000, "bridges": 5}),
        ("failover", bench_failover, {"on-victim": 200, "on-others": 100, "bridges": 5}),
        ("drain", bench_drain, {"on-victim": 200, "calls": 5, "bridges": 3}),
    ):
        fleet = bench.add_parser(name, help=run_bench.__doc__)
        for option, usual in {**counts, "pace": 20}.items():
            fleet.add_argument(f"--{option}", type=int, default=usual)
        if name == "drain":
            fleet.add_argument(
                "--one-binding", action="store_true", help="the operator keeps one per account"
            )
        fleet.add_argument("--json", action="store_true", help="end with one JSON line")
        fleet.set_defaults(command=run_bench)
    return parser


if __name__ == "__main__":
    sys.exit(main())
