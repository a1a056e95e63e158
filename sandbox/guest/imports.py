"""Says which modules can be imported where an import fails, since a policy tries what other interpreters have."""

import os
import sys

PLOTS = {"matplotlib", "plotly", "seaborn"}


def explain_missing(error: BaseException) -> None:
    """Add to the message of a failed import which modules there are. Does nothing to other errors."""
    if not isinstance(error, ModuleNotFoundError) or not isinstance(error.name, str) or "." in error.name:
        return
    reason = "; plots cannot be shown, only text is read" if error.name.lower() in PLOTS else ""
    error.msg = f"{error.msg}{reason}; besides the standard library, these can be imported: {', '.join(_installed())}"


def _installed() -> list[str]:
    """The top-level modules outside the interpreter's own folders."""
    folders = [folder for folder in sys.path if os.path.isdir(folder) and not folder.startswith(sys.prefix)]
    names = {name.removesuffix(".py") for folder in folders for name in os.listdir(folder)}
    return sorted(name for name in names if name.isidentifier() and not name.startswith("_"))
