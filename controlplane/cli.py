"""The console command `alloresto`: which words there are, and how each of them may end.

Every word names what it runs by its path, and nothing is imported before its word is typed:
processes differ in runtime (gevent, asyncio), and `--help` is to be there at once.
"""

import os
import sys
from collections.abc import Sequence
from typing import Final

import click

from controlplane.commands.lazy_group import LazyCommand, LazyGroup
from controlplane.commands.run import RUN
from controlplane.errors import AlloRestoError, InvalidSettings

READER_GONE_EXIT: Final = 141
"""A shell reports this status for a command that SIGPIPE ended."""
INTERRUPTED_EXIT: Final = 130
"""A shell reports this status for a command that SIGINT ended."""

DB: Final = LazyGroup(
    help="The database.",
    subcommands={
        "upgrade": LazyCommand("controlplane.commands.db:upgrade", "Migrate to the newest schema.")
    },
)
BRIDGE: Final = LazyGroup(
    help="The bridges: FreeSWITCH and agent.",
    subcommands={
        "list": LazyCommand(
            "controlplane.commands.bridge:list_",
            "One line per bridge: address, alive, drain, registered/assigned/capacity, calls.",
        ),
        "drain": LazyCommand(
            "controlplane.commands.bridge:drain",
            "Move its registrations away, let its calls end, then end its FreeSWITCH and agent.",
        ),
        "resume": LazyCommand(
            "controlplane.commands.bridge:resume",
            "Call a drain off: the bridge takes calls and registrations again.",
        ),
        "firewall": LazyCommand(
            "controlplane.commands.bridge_firewall:firewall",
            "Print the nftables table of one bridge, or of all: carriers' networks, nobody else.",
        ),
    },
)
CALLER: Final = LazyGroup(
    help="Whose calls a restaurant does not want, how many it takes, what is kept of callers.",
    subcommands={
        "block": LazyCommand(
            "controlplane.commands.caller:block",
            "Refuse this number's calls from now on; hidden numbers cannot be refused.",
        ),
        "unblock": LazyCommand(
            "controlplane.commands.caller:unblock", "Take this number's calls again."
        ),
        "list": LazyCommand(
            "controlplane.commands.caller:list_", "The blocked numbers, one a line."
        ),
        "limits": LazyCommand(
            "controlplane.commands.caller:limits",
            "How many calls it takes before callers are asked for a message; what is given is"
            " changed.",
        ),
        "show": LazyCommand(
            "controlplane.commands.caller_known:show",
            "Who a number is to a restaurant: name, what they allowed, what they always order.",
        ),
        "export": LazyCommand(
            "controlplane.commands.caller_known:export",
            "Everything a restaurant has of a number, as JSON: what a caller may ask for.",
        ),
        "erase": LazyCommand(
            "controlplane.commands.erase_caller:erase",
            "Erase what is known of this number's caller, search for what is left, and report.",
        ),
        "keep": LazyCommand(
            "controlplane.commands.caller:keep",
            "How long what is known of callers is kept; what is given is changed.",
        ),
    },
)
CARRIER: Final = LazyGroup(
    help="The carriers restaurants register with.",
    subcommands={
        "add": LazyCommand("controlplane.commands.carrier:add", "A new carrier."),
        "set": LazyCommand(
            "controlplane.commands.carrier:set_",
            "Change a carrier; the gateways of its restaurants are made again, paced.",
        ),
        "list": LazyCommand("controlplane.commands.carrier:list_", "One line per carrier."),
        "show": LazyCommand("controlplane.commands.carrier:show", "Everything about one carrier."),
    },
)
MENU: Final = LazyGroup(
    help="A restaurant's menu.",
    subcommands={
        "import": LazyCommand(
            "controlplane.commands.menu:import_",
            "Replace the menu by a file's: CSV, XLSX or JSON; all of it, or a report and nothing.",
        ),
        "lint": LazyCommand(
            "controlplane.commands.menu:lint",
            "What goes wrong on the telephone, with its fix; exit code 3 when it has an error.",
        ),
        "draft": LazyCommand(
            "controlplane.commands.menu:draft",
            "What publishing the draft would change, and what of it goes wrong on the telephone.",
        ),
        "publish": LazyCommand(
            "controlplane.commands.menu:publish", "Make the draft the menu, and a version."
        ),
        "discard": LazyCommand("controlplane.commands.menu:discard", "Throw the draft away."),
        "history": LazyCommand(
            "controlplane.commands.menu:history", "The menu's published versions, newest first."
        ),
        "diff": LazyCommand(
            "controlplane.commands.menu:diff", "What differs between a version and the menu now."
        ),
        "restore": LazyCommand(
            "controlplane.commands.menu:restore",
            "Publish an older version again, under a new number.",
        ),
        "undo": LazyCommand(
            "controlplane.commands.menu:undo",
            "Publish the menu as it was before its last change.",
        ),
        "sold-out": LazyCommand(
            "controlplane.commands.menu:sold_out",
            "Take a dish, an option, or all that needs an ingredient off sale, in live calls too.",
        ),
        "portions": LazyCommand(
            "controlplane.commands.menu:portions",
            "Say how many portions of a dish are left; orders count down, and at 0 it is sold out.",
        ),
    },
)
PLATFORM: Final = LazyGroup(
    help="Who may open the platform's back office.",
    subcommands={
        "list": LazyCommand(
            "controlplane.commands.platform:list_", "The people who may, by address."
        ),
        "add": LazyCommand(
            "controlplane.commands.platform:add", "Let somebody in who has an account."
        ),
        "remove": LazyCommand("controlplane.commands.platform:remove", "Let somebody in no more."),
    },
)
FAQ: Final = LazyGroup(
    help="What a restaurant has its callers told, and what nobody could tell them.",
    subcommands={
        "list": LazyCommand(
            "controlplane.commands.faq:list_", "The answers, in the restaurant's order."
        ),
        "add": LazyCommand(
            "controlplane.commands.faq:add", "Have callers told this, from the next call on."
        ),
        "remove": LazyCommand("controlplane.commands.faq:remove", "Take an answer away."),
        "gaps": LazyCommand(
            "controlplane.commands.faq:gaps",
            "The questions nobody could answer, first what is asked most.",
        ),
        "answer": LazyCommand(
            "controlplane.commands.faq:answer", "Answer one of them, from the next call on."
        ),
        "dismiss": LazyCommand(
            "controlplane.commands.faq:dismiss", "Leave one of them without an answer."
        ),
    },
)
HOURS: Final = LazyGroup(
    help="When a restaurant does what: its week, dates that differ, holidays, a busy kitchen.",
    subcommands={
        "list": LazyCommand(
            "controlplane.commands.hours:list_",
            "The week and the exceptions of the next two months, one line a day and kind.",
        ),
        "ask": LazyCommand(
            "controlplane.commands.hours:ask",
            "What happens at an instant: the rule that decides, and when it is possible next.",
        ),
        "week": LazyCommand(
            "controlplane.commands.hours:week",
            "Give weekdays these hours and no others; without --kind for on_site and pickup.",
        ),
        "except": LazyCommand(
            "controlplane.commands.hours:except_",
            "Other hours on dates than the week says; without a window it is closed.",
        ),
        "as-usual": LazyCommand(
            "controlplane.commands.hours:as_usual",
            "Take away the exceptions that cover a date: the week's hours are good again.",
        ),
        "holidays": LazyCommand(
            "controlplane.commands.hours:holidays",
            "What the week's hours are worth on public holidays.",
        ),
        "kitchen": LazyCommand(
            "controlplane.commands.hours:kitchen",
            "How long orders take: longer with each that the kitchen has to make already.",
        ),
        "busy": LazyCommand(
            "controlplane.commands.hours:busy",
            "How busy the kitchen is: as usual (online), so much later (busy), or no orders"
            " (paused).",
        ),
        "expire": LazyCommand(
            "controlplane.commands.hours:expire",
            "How long after its time an order that nobody took expires; what is given is changed.",
        ),
    },
)
LADDER: Final = LazyGroup(
    help="Whom a restaurant has told of an order that nobody accepts, step by step.",
    subcommands={
        "show": LazyCommand("controlplane.commands.ladder:show", "The steps, the soonest first."),
        "set": LazyCommand(
            "controlplane.commands.ladder:set_",
            "Have these people told, and no others; orders placed before keep their steps.",
        ),
    },
)
PRINTER: Final = LazyGroup(
    help="A restaurant's kitchen printers, and tickets that are printed again.",
    subcommands={
        "add": LazyCommand(
            "controlplane.commands.printer:add",
            "Give it a printer, and print the URL that the printer is to poll, once.",
        ),
        "list": LazyCommand(
            "controlplane.commands.printer:list_",
            "The printers in use: when each last polled, and whether it prints or is out of paper.",
        ),
        "remove": LazyCommand(
            "controlplane.commands.printer:remove",
            "Take a printer out of use: its URL opens nothing any more.",
        ),
        "reprint": LazyCommand(
            "controlplane.commands.printer:reprint",
            "Print an order's ticket again, marked DUPLICATA, on every printer.",
        ),
    },
)
PACING: Final = LazyGroup(
    help="How much a restaurant's kitchen promises a slot.",
    subcommands={
        "list": LazyCommand("controlplane.commands.pacing:list_", "The rules, one a line."),
        "add": LazyCommand(
            "controlplane.commands.pacing:add",
            "Promise at most so much a slot, beside what the other rules allow.",
        ),
        "set": LazyCommand(
            "controlplane.commands.pacing:set_",
            "Allow more or less a slot; what is promised already stays.",
        ),
        "remove": LazyCommand("controlplane.commands.pacing:remove", "Take a rule away."),
    },
)
INVOICE: Final = LazyGroup(
    help="What restaurants are billed.",
    subcommands={
        "plan": LazyCommand(
            "controlplane.commands.invoice_account:plan",
            "A new version of a plan; who has an earlier one keeps it.",
        ),
        "subscribe": LazyCommand(
            "controlplane.commands.invoice_account:subscribe",
            "Give a restaurant a plan from a month on, or none.",
        ),
        "recipient": LazyCommand(
            "controlplane.commands.invoice_account:recipient",
            "Who pays for a restaurant; invoices issued before keep whom they named.",
        ),
        "issue": LazyCommand(
            "controlplane.commands.invoice:issue",
            "Issue a month's invoice, once; ALLORESTO_SELLER_… say who sells.",
        ),
        "credit": LazyCommand(
            "controlplane.commands.invoice:credit",
            "Take a whole invoice back; its month may then be issued anew.",
        ),
        "list": LazyCommand(
            "controlplane.commands.invoice:list_",
            "One line per invoice and credit note, the newest first.",
        ),
        "show": LazyCommand(
            "controlplane.commands.invoice:show",
            "Its lines and totals; its files, where they are asked for.",
        ),
        "verify": LazyCommand(
            "controlplane.commands.invoice:verify",
            "Work it out anew from its calls and SMS; compare rows, XML and PDF. 1 when they"
            " differ.",
        ),
    },
)
PAYMENT: Final = LazyGroup(
    help="How a restaurant's customers may pay by a link.",
    subcommands={
        "policy": LazyCommand(
            "controlplane.commands.payment:policy",
            "Which orders may, or must, be paid by a link; what is given is changed.",
        ),
        "account": LazyCommand(
            "controlplane.commands.payment:account",
            "Store its Stripe account: API key, then webhook secret, asked for or read from stdin.",
        ),
    },
)
PROMPT: Final = LazyGroup(
    help="What a restaurant's callers hear before an assistant speaks.",
    subcommands={
        "show": LazyCommand(
            "controlplane.commands.prompt:show",
            "What callers hear, prompt by prompt, and whether it is rendered yet.",
        ),
        "say": LazyCommand(
            "controlplane.commands.prompt:say",
            "Have a prompt say this; a greeting goes on to say that an AI speaks.",
        ),
        "reset": LazyCommand(
            "controlplane.commands.prompt:reset",
            "Take its own words back: it greets by its name, or says the packaged prompt.",
        ),
    },
)
ROOM: Final = LazyGroup(
    help="A restaurant's dining room: areas, tables, combinations and shifts.",
    subcommands={
        "show": LazyCommand(
            "controlplane.commands.room:show", "The dining plan as JSON, which `room set` reads."
        ),
        "set": LazyCommand(
            "controlplane.commands.room:set_",
            "Make a JSON file's plan the restaurant's; who has a table keeps it.",
        ),
    },
)
SECRETS: Final = LazyGroup(
    help="The keys of the secrets at rest.",
    subcommands={
        "new-key": LazyCommand(
            "controlplane.commands.secrets:new_key",
            "A fresh key, to be put in front of ALLORESTO_SECRET_KEYS.",
        ),
        "rotate": LazyCommand(
            "controlplane.commands.secrets:rotate",
            "Seal every secret again with the newest key.",
        ),
        "check": LazyCommand("controlplane.commands.secrets:check", "Which keys the secrets need."),
    },
)
SIP: Final = LazyGroup(
    help="The restaurants' SIP registrations.",
    subcommands={
        "list": LazyCommand(
            "controlplane.commands.sip:list_",
            "One line per restaurant: bridge, state, last code, next retry, why it is there.",
        ),
        "add": LazyCommand(
            "controlplane.commands.sip_account:add",
            "Give a restaurant its SIP account; the password is asked for, or read from stdin.",
        ),
        "set": LazyCommand(
            "controlplane.commands.sip_account:set_",
            "Change an account: its carrier, users or password. It is registered anew.",
        ),
        "show": LazyCommand(
            "controlplane.commands.sip:show",
            "Everything about one restaurant's registration, but the password.",
        ),
        "explain": LazyCommand(
            "controlplane.commands.sip:explain",
            "In plain words: where it is, why, what is wrong, what to do next.",
        ),
        "move": LazyCommand(
            "controlplane.commands.sip_move:move",
            "Ask the controller to register it on another bridge, and watch until it is.",
        ),
        "retry": LazyCommand(
            "controlplane.commands.sip:retry", "Let a suspended account be tried again."
        ),
        "trace": LazyCommand(
            "controlplane.commands.sip_trace:trace",
            "Its history: placed, released, states with SIP codes; or its SIP messages.",
        ),
    },
)
TRANSFER: Final = LazyGroup(
    help="Whom callers may be put through to.",
    subcommands={
        "add": LazyCommand(
            "controlplane.commands.transfer:add",
            "List somebody, or change the entry of that number.",
        ),
        "remove": LazyCommand(
            "controlplane.commands.transfer:remove", "Take somebody off the list."
        ),
        "list": LazyCommand(
            "controlplane.commands.transfer:list_",
            "The restaurant's own phone and its people, and who of them is never dialled, and why.",
        ),
    },
)
FS: Final = LazyGroup(
    help="A FreeSWITCH, over ESL.",
    subcommands={
        "status": LazyCommand(
            "controlplane.commands.fs:status", "What one FreeSWITCH says of itself."
        )
    },
)
USER: Final = LazyGroup(
    help="A restaurant's owner and people, and links that set a password.",
    subcommands={
        "owner": LazyCommand(
            "controlplane.commands.user:owner",
            "Have this person own the restaurant, and print the link that sets their password,"
            " once.",
        ),
        "add": LazyCommand(
            "controlplane.commands.user:add",
            "Make an account without a restaurant, and print the link that sets its password.",
        ),
        "link": LazyCommand(
            "controlplane.commands.user:link",
            "Print a link that sets this user's password anew, once; earlier ones open nothing.",
        ),
        "list": LazyCommand(
            "controlplane.commands.user:list_", "Who works for the restaurant, and as what."
        ),
    },
)
BENCH: Final = LazyGroup(
    help="Measure.",
    subcommands={
        "call": LazyCommand(
            "controlplane.local.bench.call:run_bench_call", "Calls, measured at the caller's ear."
        ),
        "worker": LazyCommand(
            "controlplane.local.bench.worker:run_bench_worker",
            "CPU and memory of a worker, a call.",
        ),
        "events": LazyCommand(
            "controlplane.local.bench.events:run_bench_events",
            "Events a second, their size and their CPU, a call.",
        ),
        "placement": LazyCommand(
            "controlplane.local.bench.placement:run_bench_placement",
            "How fast and how evenly registrations are spread.",
        ),
        "menu-change": LazyCommand(
            "controlplane.local.bench.menu_change:run_bench_menu_change",
            "From a change of the menu to the next call's menu.",
        ),
        "data": LazyCommand(
            "controlplane.local.bench.data:run_bench_data",
            "Restaurants' data: what it costs to read, and what nobody can do twice.",
        ),
        "web": LazyCommand(
            "controlplane.local.bench.web:run_bench_web",
            "The site: how long its pages take, and how soon an order is on a screen.",
        ),
        "registrations": LazyCommand(
            "controlplane.local.bench.registrations:run_bench_registrations",
            "A thousand restaurants, until the carrier has them all.",
        ),
        "failover": LazyCommand(
            "controlplane.local.bench.failover:run_bench_failover",
            "A bridge killed with all it has, until others have it.",
        ),
        "drain": LazyCommand(
            "controlplane.local.bench.drain:run_bench_drain",
            "A bridge drained with calls in progress, while one of its restaurants is called.",
        ),
        "false-alarms": LazyCommand(
            "controlplane.local.bench.false_alarms:run_bench_false_alarms",
            "What moves while nothing dies, Redis restarts and the cores are busy.",
        ),
        "flood": LazyCommand(
            "controlplane.local.bench.flood:run_bench_flood",
            "Calls while a stranger floods with INVITE, without a firewall and with it.",
        ),
        "faults": LazyCommand(
            "controlplane.local.bench.faults:run_bench_faults",
            "Calls that order while faults are injected.",
        ),
        "overload": LazyCommand(
            "controlplane.local.bench.overload:run_bench_overload",
            "Half as many calls again as one bridge takes.",
        ),
    },
)
ALLORESTO: Final = LazyGroup(
    help="A voice AI that answers the restaurant's telephone.",
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "show_default": True,
    },
    subcommands={
        "run": RUN,
        "demo": LazyCommand(
            "controlplane.local.demo.demo:run_demo", "Start everything, play one call."
        ),
        "up": LazyCommand(
            "controlplane.local.demo.demo:run_up", "Start everything and leave it running."
        ),
        "call": LazyCommand(
            "controlplane.local.demo.demo:run_call", "One more call to what `alloresto up` runs."
        ),
        "db": DB,
        "bridge": BRIDGE,
        "caller": CALLER,
        "carrier": CARRIER,
        "cases": LazyCommand(
            "controlplane.commands.cases:cases",
            "What a restaurant found wrong in its calls, one JSON object a line, with the"
            " transcript.",
        ),
        "faq": FAQ,
        "hours": HOURS,
        "import-sqlite": LazyCommand(
            "controlplane.commands.import_sqlite:import_sqlite",
            "Take over an existing application's restaurant from its SQLite file.",
        ),
        "invoice": INVOICE,
        "ladder": LADDER,
        "menu": MENU,
        "pacing": PACING,
        "payment": PAYMENT,
        "platform": PLATFORM,
        "printer": PRINTER,
        "prompt": PROMPT,
        "room": ROOM,
        "secrets": SECRETS,
        "sip": SIP,
        "transfer": TRANSFER,
        "user": USER,
        "fs": FS,
        "bench": BENCH,
    },
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit status.

    A wrong setting or argument ends it with a line that says what to change.
    """
    try:
        ended = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()  # here, where a reader that is gone can be told
        return ended
    except InvalidSettings as error:
        for problem in error.problems:
            print(f"alloresto: {problem}", file=sys.stderr)
        return 2
    except AlloRestoError as error:
        print(f"alloresto: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED_EXIT
    except BrokenPipeError:  # `alloresto sip list | head`
        # The interpreter flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE_EXIT


def _run(words: list[str]) -> int:
    """Run one subcommand without Click's own `main`, whose exit statuses for Ctrl-C and a closed
    pipe differ from a shell's.
    """
    try:
        with ALLORESTO.make_context("alloresto", words) as context:
            ended: int | None = ALLORESTO.invoke(context)
            return ended or 0
    except click.exceptions.Exit as left:  # `--help` was shown
        return left.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
