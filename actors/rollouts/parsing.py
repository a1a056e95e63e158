"""Whether the sandbox's Python parses a code block."""

import ast
import warnings

_MAX_CHARS = 20_000  # a longer block takes tens of milliseconds, in which the event loop would stand still


def parses(source: str) -> bool:
    """Whether Python parses the source, as the sandbox does before it runs anything; True for one too long to try."""
    if len(source) > _MAX_CHARS:
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            ast.parse(source)
    except (SyntaxError, ValueError):  # the latter for an unpaired surrogate
        return False
    except (MemoryError, RecursionError):  # nested too deeply for the parser: Python all the same
        return True
    return True
