"""Finds the real FreeSWITCH on this machine, and tells whether it can run our configuration."""

import os
import shutil
from pathlib import Path
from xml.etree import ElementTree

from controlplane.errors import ConfigurationError

PREFIX_VARIABLE = "FREESWITCH_PREFIX"
CONF_FOLDER = Path(__file__).resolve().parents[3] / "freeswitch" / "conf"
_MODULE_FOLDERS = ("lib/freeswitch/mod", "lib/*/freeswitch/mod", "mod")
"""Modules are below the prefix in one of these: packages and plain builds, multiarch, the old
/usr/local/freeswitch."""


class UnusableFreeSwitch(ConfigurationError):
    """Raised for a FreeSWITCH that cannot run our configuration; says what is missing."""


def find_freeswitch() -> Path | None:
    """Return the `freeswitch` program of FREESWITCH_PREFIX, else of PATH; None when there is none.

    Raises UnusableFreeSwitch when there is one and it lacks something we need: whoever falls back
    on the simulator must do so knowingly.
    """
    if prefix := os.environ.get(PREFIX_VARIABLE):
        program = Path(prefix) / "bin" / "freeswitch"
        if not os.access(program, os.X_OK):
            raise UnusableFreeSwitch(
                f"{PREFIX_VARIABLE}={prefix} : {program} n’existe pas ou n’est pas exécutable"
            )
    elif found := shutil.which("freeswitch"):
        program = Path(found)
    else:
        return None
    module_folder(program)
    return program


def module_folder(program: Path) -> Path:
    """Return the folder of the installation's modules. Raises UnusableFreeSwitch when it lacks one
    that our configuration loads.
    """
    prefix = program.resolve().parent.parent
    folders = [folder for pattern in _MODULE_FOLDERS for folder in sorted(prefix.glob(pattern))]
    if not folders:
        raise UnusableFreeSwitch(f"{program} : aucun dossier de modules sous {prefix}")
    folder = folders[0]
    missing = [name for name in needed_modules() if not (folder / f"{name}.so").is_file()]
    if missing:
        raise UnusableFreeSwitch(
            f"{program} est inutilisable : {', '.join(missing)} manque dans {folder} "
            "(mod_audio_stream ne fait pas partie de FreeSWITCH : il s’installe à part)"
        )
    return folder


def needed_modules() -> list[str]:
    """Return what `conf/autoload_configs/modules.conf.xml` loads, in its order."""
    tree = ElementTree.parse(CONF_FOLDER / "autoload_configs" / "modules.conf.xml")
    return [load.attrib["module"] for load in tree.iter("load")]
