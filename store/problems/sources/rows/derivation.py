"""The question that a row's question was made of, in data sets that name it."""

from collections.abc import Mapping
from typing import Any

from store.problems.sources.rows.fields import optional_text
from store.problems.sources.rows.layouts import Layout
from store.problems.sources.rows.questions import question_of
from store.problems.sources.rows.splitting import question_key

_METHODS = {"rephrased": "rephrase", "fobar": "fobar", "sv": "self_verify"}
"""Our names of MetaMath's methods, by the end of a row's type, such as `GSM_SV`."""


def origin_of(row: Mapping[str, Any], layout: Layout, key: str) -> tuple[str | None, str | None]:
    """(split key of the parent, method) of a row whose question has this key; (None, None) for an original.

    MetaMathQA repeats each original question with other answers; these rows are originals.

    Raises:
        BadRowError: the parent is no text.
    """
    parent = optional_text(row, (layout.parent,)) if layout.parent else None
    if parent is None or layout.parent is None:
        return None, None
    parent_key = question_key(question_of(parent, layout.parent))
    if parent_key == key:
        return None, None
    named = optional_text(row, (layout.method,)) if layout.method else None
    method = (named or "unknown").rpartition("_")[2].casefold()
    return parent_key, _METHODS.get(method, method)
