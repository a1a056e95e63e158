"""Tables of policies: all of a run, or one in full."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from cluster.console.output import print_line
from cluster.console.tables.columns import print_table, printable
from eval.figure_text import count
from eval.promotion_text import decision_word, describe_assessment
from store.records import Decision

_BAR_CELLS = 30


def print_policies(policies: Sequence[Mapping[str, Any]]) -> None:
    """Print a line per policy. The records are those of `cluster.commands.policies.records`."""
    if not policies:
        print_line("no policy was published yet")
        return
    print_table(Console(), [_row(policy) for policy in policies], widest="kept as")


def print_policy(policy: Mapping[str, Any]) -> None:
    """Print one policy in full."""
    for name, value in _facts(policy):
        print_line(f"{name:<14} {printable(value)}")
    _print_lag(policy["lag_tokens"])


def size_text(num_bytes: int) -> str:
    """A size, such as `15.2 GB`."""
    size, unit = float(num_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"


def _row(policy: Mapping[str, Any]) -> dict[str, str]:
    return {
        "policy": f"v{policy['version']}{' ★' if policy['served'] else ''}",
        "parent": "" if policy["parent"] is None else f"v{policy['parent']}",
        "iteration": policy["origin"].removeprefix("iteration "),
        "pass@1": _score(policy),
        "decision": _decision(policy),
        "size": _size(policy),
        "kept as": ", ".join(policy["kept_as"]),
    }


def _score(policy: Mapping[str, Any]) -> str:
    if policy["pass@1"] is None:
        return "-"
    interval = "" if policy["low"] is None else f" ({100 * policy['low']:.0f} to {100 * policy['high']:.0f})"
    return f"{100 * policy['pass@1']:.1f}{interval}"


def _decision(policy: Mapping[str, Any]) -> str:
    if policy["decision"] is None:
        return "open" if policy["pass@1"] is not None else "not measured"
    return decision_word(Decision(policy["decision"]))


def _size(policy: Mapping[str, Any]) -> str:
    if policy["pruned"]:
        return "pruned"
    return "missing" if policy["bytes"] is None else size_text(policy["bytes"])


def _facts(policy: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = [
        ("policy", f"v{policy['version']}, {policy['origin']}{', served' if policy['served'] else ''}"),
        ("lineage", " ← ".join(f"v{version}" for version in policy["lineage"])),
        ("folder", f"{policy['path']} ({_size(policy)})"),
    ]
    if policy["kept_as"]:
        facts.append(("kept as", ", ".join(policy["kept_as"])))
    if (training_set := policy["training_set"]) is not None:
        facts.append(("trained on", f"{count(training_set['size'], 'sample')} (training set {training_set['id']})"))
    if policy["metrics"]:
        facts.append(("metrics", ", ".join(f"{name} {value:g}" for name, value in _numbers(policy["metrics"]))))
    facts += [(one["metric"], _figure(one)) for one in policy["figures"]]
    facts.append(("decision", _full_decision(policy)))
    return facts + [("promoted", _promotion(one)) for one in policy["promotions"]]


def _figure(figure: Mapping[str, Any]) -> str:
    return f"{100 * figure['value']:.1f} on {figure['problems']:,} problems of {figure['benchmark']}"


def _promotion(promotion: Mapping[str, Any]) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(promotion["promoted_at"]))
    return f"{when}: {promotion['reason']}" if promotion["reason"] else when


def _numbers(metrics: Mapping[str, Any]) -> list[tuple[str, float]]:
    return [(name, value) for name, value in metrics.items() if isinstance(value, int | float)]


def _full_decision(policy: Mapping[str, Any]) -> str:
    if policy["decision"] is None:
        return _decision(policy)
    return describe_assessment(Decision(policy["decision"]), policy["assessment"] or {})


def _print_lag(tokens: Mapping[int, int]) -> None:
    """A bar per lag: tokens of attempts by how many published policies the one that wrote them was behind."""
    total = sum(tokens.values())
    if not total:
        return
    print_line("tokens by lag of the policy that wrote them:")
    for lag, number in tokens.items():
        bar = "━" * max(1, round(_BAR_CELLS * number / total))
        print_line(f"{lag:>8}  {number:>12,}  {100 * number / total:5.1f} %  {bar}")
