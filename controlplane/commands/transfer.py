"""`alloresto transfer`: whom a restaurant's callers may be put through to."""

import argparse

WARM, BLIND = "warm", "blind"


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The group `transfer`."""
    group = commands.add_parser("transfer", help="whom callers may be put through to")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    for name, command in {"add": add, "remove": remove, "list": list_}.items():
        parser = actions.add_parser(name, help=command.__doc__)
        parser.add_argument("restaurant", metavar="RESTAURANT", help="slug, id or gateway name")
        parser.set_defaults(command=command)
        if name == "list":
            parser.add_argument("--json", action="store_true", help="one JSON object a line")
        else:
            parser.add_argument("number", metavar="NUMBER", help="01 99 00 12 34, or +33…")
        if name == "add":
            parser.add_argument("name", metavar="NAME", help='what callers hear: "le gérant"')
            parser.add_argument(
                "--blind", action="store_true", help="connected at once, without a key to press"
            )


def add(arguments: argparse.Namespace) -> int:
    """List somebody, or change the entry of that number."""
    from controlplane.commands.admin_database import admin_connection
    from controlplane.restaurants.caller_lists import add_target, owner_called

    mode = BLIND if arguments.blind else WARM
    with admin_connection() as connection:
        owner = owner_called(connection, arguments.restaurant)
        number = add_target(
            connection, owner, name=arguments.name, number=arguments.number, mode=mode
        )
    print(f"{owner.slug}: callers may be put through to {number} ({mode})")
    return 0


def remove(arguments: argparse.Namespace) -> int:
    """Take somebody off the list."""
    from controlplane.commands.admin_database import admin_connection
    from controlplane.restaurants.caller_lists import owner_called, remove_target

    with admin_connection() as connection:
        owner = owner_called(connection, arguments.restaurant)
        number = remove_target(connection, owner, arguments.number)
    print(f"{owner.slug}: {number} is rung no more")
    return 0


def list_(arguments: argparse.Namespace) -> int:
    """The restaurant's own phone and its people, and who of them is never dialled, and why."""
    from controlplane.commands.admin_database import admin_connection
    from controlplane.commands.record import as_json
    from controlplane.restaurants.caller_lists import owner_called, refused, targets
    from controlplane.text_table import table

    with admin_connection() as connection:
        owner = owner_called(connection, arguments.restaurant)
        people = targets(connection, owner)
    rows = [("(the restaurant)", owner.phone_e164, BLIND, refused(owner.phone_e164, owner))]
    rows += [(one.name, one.phone_e164, one.mode, one.refused) for one in people]
    keys = ("name", "number", "mode", "refused")
    if arguments.json:
        for row in rows:
            print(as_json(dict(zip(keys, row, strict=True))))
    else:
        cells = [[*row[:3], "-" if row[3] is None else f"never dialled: {row[3]}"] for row in rows]
        print(table(["NAME", "NUMBER", "MODE", "PROBLEM"], cells))
    return 0
