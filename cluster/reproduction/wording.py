"""What a report on a reproduction says, as text and tables: used by its page and by its Markdown."""

from cluster.reproduction.figures import Reproduction
from eval.benchmarks.results import from_record
from eval.benchmarks.tables import all_tables, comparison_table
from eval.figure_text import figure_points, interval_points
from eval.tables.table import Table


def about(found: Reproduction) -> str:
    """What was done, in a sentence."""
    return f"MARIO (arXiv 2401.08190) at the scale {found.scale.name}: {found.scale.about}. {_duration(found)}"


def verdict(found: Reproduction) -> str:
    """Whether the value model knows right from wrong, and whether choosing by it beats the majority."""
    value, gain, k = found.value, found.value.gain, found.scale.samples
    bounds = f"{100 * gain['low']:+.1f} to {100 * gain['high']:+.1f}"
    meaning = "it is better" if gain["low"] > 0 else "it is worse" if gain["high"] < 0 else "no difference is shown"
    return (
        f"The value model's AUC is {_auc(value.auc)}, that of its control, trained on shuffled outcomes, "
        f"{_auc(value.control_auc)}. Choosing the highest value instead of the majority of {k} changes the accuracy by "
        f"{100 * gain['value']:+.1f} points (95 % interval {bounds}): {meaning}."
    )


def tables(found: Reproduction) -> list[Table]:
    """All tables, in their order."""
    return [_held_out(found), *_annotation(found), *_benchmarks(found), _stages(found)]


def _held_out(found: Reproduction) -> Table:
    rows = [
        (row.method, figure_points(row.figure), interval_points(row.figure), f"{row.figure.n:,}") for row in found.rows
    ]
    columns = ("answer", "% ± standard error", "95 % interval", "problems")
    return Table("Held-out problems", columns, rows)


def _annotation(found: Reproduction) -> list[Table]:
    made = found.annotation
    if made is None:
        return []
    rows = [
        ("teacher", str(made["model"])),
        ("problems", f"{made['problems']:,}"),
        *((f"problems that are {verdict}", f"{number:,}") for verdict, number in made["verdicts"].items()),
        ("solutions kept", f"{made['kept']:,}"),
        ("tokens paid for", f"{made['spent_tokens']:,}"),
        ("dollars", str(made["spent_usd"])),
    ]
    return [Table("Annotation", ("figure", "value"), rows)]


def _benchmarks(found: Reproduction) -> list[Table]:
    """The paper's table with ours, or without if no benchmark was attempted."""
    return [comparison_table([])] if found.benchmarks is None else all_tables([from_record(found.benchmarks)])


def _stages(found: Reproduction) -> Table:
    rows = [
        (stage.name, stage.paper, stage.about, f"{record.seconds:.0f}", f"{record.starts}")
        for stage, record in found.stages
    ]
    return Table("Stages", ("stage", "in the paper", "here", "seconds", "starts"), rows, labels=3)


def _auc(auc: object) -> str:
    assert isinstance(auc, dict)
    if auc["value"] is None:
        return "not known, since all attempts are right or all wrong"
    bounds = "" if auc["low"] is None else f" ({auc['low']:.3f} to {auc['high']:.3f})"
    return f"{auc['value']:.3f}{bounds}"


def _duration(found: Reproduction) -> str:
    return f"All stages took {found.seconds / 60:.1f} minutes."
