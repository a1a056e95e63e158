"""Keys of the configuration that earlier versions had. Runs that have them can still be read."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

type Tree = dict[str, Any]


class Renamed(NamedTuple):
    """What became of a key: its new name, None if it was dropped, and how its value is converted."""

    key: str | None
    convert: Callable[[Any], Any] = lambda value: value


RENAMED: Mapping[str, Renamed] = {
    "iteration.overlap": Renamed("iteration.lead", int),
    "ray.start_timeout_s": Renamed("ray.samplers_lost_s"),
    "ray.stall_timeout_s": Renamed("ray.stall_s"),
    "sampler.engine.start_timeout_s": Renamed("sampler.engine.start_s"),
    "sampler.engine.swap_timeout_s": Renamed(None),  # now a part of engine.silence_s and load_s_per_gib
    "evaluation.tolerance": Renamed("promotion.margin"),
    # Limits on duration became limits on silence, for which the old values say nothing.
    "learner.build_timeout_s": Renamed("learner.start_silence_s", lambda _: 900.0),
    "learner.update_timeout_s": Renamed("learner.silence_s", lambda _: 300.0),
    "learner.save_timeout_s": Renamed("learner.silence_s_per_gib", lambda _: 30.0),
}
"""By the old name, with dots between tables."""

RENAMED_VALUES: Mapping[str, Mapping[Any, Any]] = {
    "learner.warm_start.optimizer_state": {"carry": "keep"},
    "learner.iteration.optimizer_state": {"carry": "keep"},
}
"""By the name of the key: what became of some of its values."""


def upgrade(tree: Tree) -> Tree:
    """The same configuration under the present names."""
    for old, renamed in RENAMED.items():
        table, name = _find(tree, old)
        if table is None or name not in table:
            continue
        value = table.pop(name)
        if renamed.key is not None:
            _set(tree, renamed.key, renamed.convert(value))
    for key, values in RENAMED_VALUES.items():
        table, name = _find(tree, key)
        if table is not None and table.get(name) in values:
            table[name] = values[table[name]]
    return tree


def renamed_key(tree: Tree) -> str | None:
    """The first old key in a tree, with what to write instead; None if there is none."""
    for old, renamed in RENAMED.items():
        table, name = _find(tree, old)
        if table is not None and name in table:
            return f"{old} was replaced by {renamed.key}" if renamed.key else f"{old} no longer exists: omit it"
    for key, values in RENAMED_VALUES.items():
        table, name = _find(tree, key)
        if table is not None and table.get(name) in values:
            return f"{key} = {table[name]!r} was replaced by {values[table[name]]!r}"
    return None


def _find(tree: Tree, key: str) -> tuple[Tree | None, str]:
    """The table that a key belongs to, None if it is missing, and the key's name in it."""
    *path, name = key.split(".")
    for part in path:
        child = tree.get(part)
        if not isinstance(child, dict):
            return None, name
        tree = child
    return tree, name


def _set(tree: Tree, key: str, value: Any) -> None:
    *path, name = key.split(".")
    for part in path:
        tree = tree.setdefault(part, {})
    tree.setdefault(name, value)
