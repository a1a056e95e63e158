"""Solution formats, by name: how text, code, interpreter output and the answer are written.

Begin with `format.py`. A new format is a new file and one line here.
"""

from actors.formats.format import SolutionFormat
from actors.formats.mario import MARIO
from actors.formats.tir import TIR

FORMATS: dict[str, SolutionFormat] = {fmt.name: fmt for fmt in (TIR, MARIO)}


class UnknownFormatError(ValueError):
    """No solution format is registered under the given name."""


def get_format(name: str) -> SolutionFormat:
    """The format registered under `name`.

    Raises:
        UnknownFormatError: there is none.
    """
    try:
        return FORMATS[name]
    except KeyError:
        raise UnknownFormatError(f"solution format {name!r} does not exist: choose one of {sorted(FORMATS)}") from None


__all__ = ["FORMATS", "MARIO", "SolutionFormat", "UnknownFormatError", "get_format"]
