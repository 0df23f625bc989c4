"""`alloresto caller`: whose calls a restaurant does not want."""

import argparse


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The group `caller`."""
    group = commands.add_parser("caller", help="whose calls a restaurant does not want")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    for name, command in {"block": block, "unblock": unblock, "list": list_}.items():
        parser = actions.add_parser(name, help=command.__doc__)
        parser.add_argument("restaurant", metavar="RESTAURANT", help="slug, id or gateway name")
        if name == "list":
            parser.add_argument("--json", action="store_true", help="one JSON object a line")
        else:
            parser.add_argument("number", metavar="NUMBER", help="06 39 98 01 23, or +33…")
        parser.set_defaults(command=command)


def block(arguments: argparse.Namespace) -> int:
    """Refuse this number's calls from now on; hidden numbers cannot be refused."""
    from controlplane.commands.admin_database import admin_connection
    from controlplane.restaurants import caller_lists

    with admin_connection() as connection:
        owner = caller_lists.owner_called(connection, arguments.restaurant)
        number = caller_lists.block(connection, owner, arguments.number)
    print(f"{owner.slug}: calls from {number} are refused")
    return 0


def unblock(arguments: argparse.Namespace) -> int:
    """Take this number's calls again."""
    from controlplane.commands.admin_database import admin_connection
    from controlplane.restaurants import caller_lists

    with admin_connection() as connection:
        owner = caller_lists.owner_called(connection, arguments.restaurant)
        number = caller_lists.unblock(connection, owner, arguments.number)
    print(f"{owner.slug}: calls from {number} are taken again")
    return 0


def list_(arguments: argparse.Namespace) -> int:
    """The blocked numbers, one a line."""
    from controlplane.commands.admin_database import admin_connection
    from controlplane.commands.record import as_json
    from controlplane.restaurants import caller_lists

    with admin_connection() as connection:
        owner = caller_lists.owner_called(connection, arguments.restaurant)
        numbers = caller_lists.blocked(connection, owner)
    for number in numbers:
        print(as_json({"number": number}) if arguments.json else number)
    return 0
