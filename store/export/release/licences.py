"""Licences of the sources in a release, by the identifiers of the Hugging Face Hub."""

import re
from collections.abc import Collection, Iterable, Mapping

from store.errors import ExportLayoutError
from store.problems.exclusions import GENERATED

UNKNOWN = "unknown"
"""The licence of a source that nobody named one for."""

_GENERATED = {GENERATED: "apache-2.0"}  # by prefix: the licence of the generators
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9.+-]*")


def check_licences(named: Mapping[str, str], sources: Collection[str]) -> None:
    """Check the licences by source that a user named against the sources of the store.

    Raises:
        ExportLayoutError: there is no such source, or a licence is no identifier.
    """
    for source, licence in named.items():
        if source not in sources:
            raise ExportLayoutError(
                f"licence of source {source}: there is no such source, only {', '.join(sorted(sources))}"
            )
        if not _IDENTIFIER.fullmatch(licence):
            raise ExportLayoutError(
                f"licence {licence!r} of source {source}: use an identifier of the Hub, such as mit, apache-2.0, "
                "cc-by-4.0 or other"
            )


def licences_of(sources: Iterable[str], named: Mapping[str, str]) -> dict[str, str]:
    """The licence by source, in the order of the sources: the one that the user named, else what is known."""
    return {source: named.get(source) or _known(source) for source in sorted(sources)}


def _known(source: str) -> str:
    return next((licence for prefix, licence in _GENERATED.items() if source.startswith(prefix)), UNKNOWN)
