"""Text on its way into a page. What models wrote is not trusted: nothing of it may become markup or hide itself."""

import html
import unicodedata

_KEPT = "\n\t"
_HIDING = ("Cc", "Cf", "Cs", "Co")  # control, formatting (the direction of writing too), half pairs, private use


def escape(text: object) -> str:
    """As text of a page or the value of an attribute; characters that cannot be seen become U+FFFD."""
    return html.escape("".join(_visible(character) for character in str(text)), quote=True)


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters, and how many were left out."""
    return text if len(text) <= limit else f"{text[:limit]}\n[{len(text) - limit:,} more characters]"


def _visible(character: str) -> str:
    if character in _KEPT or unicodedata.category(character) not in _HIDING:
        return character
    return "\N{REPLACEMENT CHARACTER}"
