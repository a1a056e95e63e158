"""What a report on a value model says, as text: used by its page and its Markdown."""

from collections.abc import Sequence

from eval.figure_text import count, figure_points, interval_points
from eval.values.assessment import Gain
from eval.values.discrimination import Auc
from eval.values.records import ValueReport
from eval.values.slices import Slice

CHOOSING = "Accuracy of choosing one of k attempts"

METHOD_NAMES = {
    "pass": "any right (pass@k)",
    "best": "highest value",
    "weighted": "majority weighted by value",
    "maj": "majority (maj@k)",
    "random": "random",
}
"""The methods of `eval.values.picking`, in the order in which they are shown."""


def auc_text(auc: Auc) -> str:
    """An AUC with its interval, such as `0.842 (0.81 to 0.87)`."""
    if auc.value is None:
        return "-"
    bounds = "" if auc.low is None or auc.high is None else f" ({auc.low:.3f} to {auc.high:.3f})"
    return f"{auc.value:.3f}{bounds}"


def headline(report: ValueReport) -> list[tuple[str, str]]:
    """(name, value) of the main figures."""
    found = report.assessment
    within = found.auc_within_problems
    return [
        ("AUC", auc_text(found.auc)),
        ("AUC within problems", "-" if within is None else f"{within.value:.3f} over {count(within.n, 'problem')}"),
        (
            "AUC of the control, trained on shuffled outcomes",
            "-" if not report.control else auc_text(report.control.auc),
        ),
        ("expected calibration error", f"{found.calibration.error:.3f}"),
        ("Brier score", f"{found.calibration.brier:.3f}"),
    ]


def verdict(report: ValueReport) -> str:
    """Whether choosing by the value beats the majority, and by how much."""
    gain, k = report.assessment.picking.gains["maj"], report.assessment.picking.ks[-1]
    return f"Choosing the highest value of {k} attempts instead of maj@{k}: {gain_text(gain)}."


def gain_text(gain: Gain) -> str:
    """A gain in points, with its interval and what that means."""
    error = "" if gain.standard_error is None else f" ± {100 * gain.standard_error:.1f}"
    bounds = f"95 % interval {100 * gain.low:+.1f} to {100 * gain.high:+.1f}"
    meaning = "better" if gain.low > 0 else "worse" if gain.high < 0 else "no difference shown"
    return f"{100 * gain.value:+.1f}{error} points ({bounds}): {meaning}"


def picking_rows(report: ValueReport) -> list[list[str]]:
    """A row per k: k, then each method's accuracy in percent with its standard error."""
    picking = report.assessment.picking
    return [
        [str(k), *(figure_points(picking.figures[name][place]) for name in METHOD_NAMES)]
        for place, k in enumerate(picking.ks)
    ]


def slice_rows(slices: Sequence[Slice]) -> list[list[str]]:
    """A row per slice: its name, attempts, share right, AUC, problems, and each method's accuracy at the largest k."""
    rows = []
    for one in slices:
        right = f"{100 * one.auc.right / one.auc.attempts:.1f}"
        chosen = [f"{100 * one.picking[name]:.1f}" if one.picking else "-" for name in METHOD_NAMES]
        rows.append([one.name, f"{one.auc.attempts:,}", right, auc_text(one.auc), f"{one.problems:,}", *chosen])
    return rows


SLICE_COLUMNS = ("", "attempts", "right %", "AUC", "problems", *METHOD_NAMES.values())


def calibration_rows(report: ValueReport) -> list[list[str]]:
    """A row per bin: its borders, attempts, mean score, and share right with its interval, in percent."""
    rows = []
    for one in report.assessment.calibration.bins:
        bounds = "" if one.low is None or one.high is None else f" ({100 * one.low:.1f} to {100 * one.high:.1f})"
        score, right = f"{100 * one.score:.1f}", f"{100 * one.right:.1f}{bounds}"
        rows.append([f"{one.start:.1f} to {one.end:.1f}", f"{one.attempts:,}", score, right])
    return rows


CALIBRATION_COLUMNS = ("score", "attempts", "mean score %", "right %")


def scope(report: ValueReport) -> str:
    """What was measured."""
    found = report.assessment
    problems = count(found.problems, "held-out problem")
    what = (
        f"Value model {report.model_version} (from policy v{report.model_policy}) on "
        f"{count(found.attempts, 'attempt')} of policy v{report.policy_version} at {problems}, {report.samples} "
        f"samples each at temperature {report.temperature:g} (evaluation {report.evaluation})."
    )
    left = found.without_verdict
    return what + (f" {count(left, 'attempt')} without a verdict or a score left out." if left else "")


def interval_note(report: ValueReport) -> str:
    """The accuracy of the main method with its interval."""
    best = report.assessment.picking.figures["best"][-1]
    return f"best@{report.assessment.picking.ks[-1]} {figure_points(best)} (95 % interval {interval_points(best)})"
