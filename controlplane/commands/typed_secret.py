"""A secret is typed without echo or read from standard input: never an argument, which others on
the machine could read.
"""

import getpass
import sys


def typed_secret(what: str) -> str:
    """Ask for it on a terminal; otherwise return the next line of standard input."""
    if sys.stdin.isatty():
        return getpass.getpass(f"{what}: ")
    return sys.stdin.readline().rstrip("\r\n")
