"""The card of a release: what the Hub reads, how to load it, provenance, statistics, licences and contamination."""

from collections.abc import Iterable, Mapping, Sequence

from store.export.card import filters_of
from store.export.layouts import layout_of
from store.export.release.contamination import MEASURES, NGRAM, Contamination
from store.export.release.statistics import Statistics, quantiles
from store.export.settings import ExportSettings
from store.records import Policy

_SIZES = ((3, "n<1K"), (4, "1K<n<10K"), (5, "10K<n<100K"), (6, "100K<n<1M"), (7, "1M<n<10M"), (8, "10M<n<100M"))
"""(digits, the Hub's name) of numbers of rows below that power of ten."""


def write_release_card(
    settings: ExportSettings,
    statistics: Statistics,
    contamination: Contamination,
    licences: Mapping[str, str],
    policies: Sequence[Policy],
) -> str:
    """The card as Markdown, with the front matter that the Hub reads."""
    rows = sum(statistics.sources.values())
    return f"""{_header(rows, licences, contamination.heldout)}
# Solutions to mathematical problems, with code that was run

{rows:,} solutions to {contamination.questions:,} problems, written by a language model while it trained itself, or by
a teacher where `purpose` is `demonstration`. Each has its prose, its Python blocks, what the interpreter printed, and
an answer that was compared with the reference answer. Exported by Automathes.

```python
from datasets import load_dataset

data = load_dataset("path/of/this/folder", split="train")
```

`messages` is the input of trainers for chat models. The model did not write the interpreter's output in it: exclude the
text of {"```output blocks"} from the loss, or use `segments`, where it is separate.

{_heldout(contamination.heldout)}

## Columns

{_table(("column", "contents"), ((f"`{name}`", meaning) for name, _, meaning in layout_of(settings).columns(settings)))}

## Provenance

Every row names its source, the policy version that wrote it (none for a teacher's), the iteration that sampled it, its
verdict and the training sets that contain it. Filters: {filters_of(settings)}.

{_policies(statistics, policies)}

## Statistics

{_counts("source", statistics.sources)}

{_counts("outcome", statistics.outcomes)}

{_counts("support of the answer by the code", statistics.supports)}

{_counts("purpose", statistics.purposes)}

{_counts("code blocks", dict(sorted(statistics.blocks.items())))}

{_table(("share of the rows", "tokens after the prompt, at most"), _lengths(statistics))}

## Contamination

{_contamination(contamination)}

## Licences

The problems keep the licences of their sources. Solutions are also subject to the terms of the model that wrote them.

{_table(("source", "licence", "rows"), ((s, licence, statistics.sources[s]) for s, licence in licences.items()))}
"""


def _header(rows: int, licences: Mapping[str, str], heldout: int) -> str:
    names = sorted(set(licences.values()))
    licence = f" {names[0]}" if len(names) == 1 else "".join(f"\n- {name}" for name in names)
    size = next((size for digits, size in _SIZES if rows < 10**digits), "100M<n<1B")
    heldout_config = """
- config_name: heldout_questions
  data_files:
  - split: test
    path: heldout/questions.parquet"""
    return f"""---
license:{licence}
task_categories:
- text-generation
tags:
- math
- code
- self-training
size_categories:
- {size}
configs:
- config_name: solutions
  default: true
  data_files:
  - split: train
    path: data/train-*.parquet{heldout_config if heldout else ""}
---"""


def _heldout(count: int) -> str:
    if not count:
        return "The run held no problems out."
    return f"""The configuration `heldout_questions` has the {count:,} questions that the run held out for evaluation,
without answers and without solutions: remove them, and what resembles them, from other training data before you compare
a model with this one. Never train on them."""


def _contamination(found: Contamination) -> str:
    if not found.heldout:
        return "The run held no problems out, so there is nothing to compare with."
    compared = (
        ("in this data set", found.questions),
        ("held out", found.heldout),
        (f"of fewer than {NGRAM} words, about which `ngram` says nothing", found.short),
        ("that overlap by at least one measure", found.overlapping),
    )
    meanings = {
        "exact": "the same text",
        "normalised": "the same but for case, whitespace and the encoding of accents",
        "ngram": f"{NGRAM} words in a row are the same, ignoring case and punctuation",
        "near_duplicate": "most five-word runs are the same (as imports compare)",
        "template_twin": "the same template, with other numbers or names (as imports compare)",
    }
    return f"""Each question was compared with all held-out questions of the same run, but not with those of other
benchmarks. `contamination.json` lists the overlaps. Two generated problems are not compared by their wording, which is
the same for all of a task.

{_table(("compared", "questions"), compared)}

{_table(("measure", "rule", "questions"), ((name, meanings[name], found.counts[name]) for name in MEASURES))}"""


def _policies(statistics: Statistics, policies: Sequence[Policy]) -> str:
    rows = [
        (policy.version, policy.origin, "none" if policy.parent is None else policy.parent, count)
        for policy in policies
        if (count := statistics.policies[policy.version])
    ]
    if not rows:
        return "All rows are demonstrations."
    return _table(("policy version", "made by", "parent", "rows"), rows)


def _counts(name: str, counts: Mapping[str, int] | Mapping[int, int]) -> str:
    return _table((name, "rows"), counts.items())


def _lengths(statistics: Statistics) -> Iterable[tuple[object, ...]]:
    return ((f"{share:.0%}", f"{value:,}") for share, value in quantiles(statistics.tokens))


def _table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(_cell(value) for value in line)} |" for line in lines)


def _cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
