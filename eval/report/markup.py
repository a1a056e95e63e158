"""Escaping of untrusted text for a page: nothing that a model wrote may become markup or be invisible."""

import html
import unicodedata

_KEPT = "\n\t"
_INVISIBLE = ("Cc", "Cf", "Cs", "Co")  # control, format (text direction included), surrogates, private use


def escape(text: object) -> str:
    """`text` as HTML text or an attribute value; invisible characters become U+FFFD."""
    return html.escape(visible(str(text)), quote=True)


def visible(text: str) -> str:
    """`text` with U+FFFD for each invisible character."""
    return "".join(map(_visible, text))


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters of `text`, and the number of characters omitted."""
    return text if len(text) <= limit else f"{text[:limit]}\n[{len(text) - limit:,} more characters]"


def _visible(character: str) -> str:
    if character in _KEPT or unicodedata.category(character) not in _INVISIBLE:
        return character
    return "\N{REPLACEMENT CHARACTER}"
