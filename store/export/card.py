"""The card of an exported data set: its contents, its filters, and how to load it."""

from collections.abc import Iterable, Mapping

from store.export.layouts import PAIRS, PROBLEMS, ROWS, Layout, filters, layout_of
from store.export.settings import ExportSettings
from store.records import Split

_LOADERS = {
    "jsonl": 'from datasets import load_dataset\n\ndata = load_dataset("path/of/this/folder", split="{split}")',
    "parquet": 'from datasets import load_dataset\n\ndata = load_dataset("path/of/this/folder", split="{split}")',
    "datasets": 'from datasets import load_from_disk\n\ndata = load_from_disk("path/of/this/folder")["{split}"]',
}


def write_card(settings: ExportSettings, rows: Mapping[Split, int]) -> str:
    """The card as Markdown, with the front matter that the Hugging Face hub reads.

    Args:
        settings: the settings of the export.
        rows: the number of rows by split.
    """
    layout = layout_of(settings)
    loader = _LOADERS[settings.format].format(split=next(iter(rows)).value)
    return f"""{_header(settings, rows)}
{_introduction(settings, layout, sum(rows.values()))}

| split | rows |
|---|---:|
{_lines(f"| {split.value} | {count:,} |" for split, count in rows.items())}

Filters: {filters_of(settings)}.

```python
{loader}
```

{_usage(settings, layout)}

| column | contents |
|---|---|
{_lines(f"| `{name}` | {meaning} |" for name, _, meaning in layout.columns(settings))}

The problems keep the licences of their sources, which `{"data_source" if layout.unit is PROBLEMS else "source"}` names.
"""


def _introduction(settings: ExportSettings, layout: Layout, count: int) -> str:
    if layout.unit is PROBLEMS:
        return f"""# Mathematical problems with answers that can be checked

{count:,} problems in the layout `{settings.layout}`. Exported by Automathes."""
    if layout.unit is PAIRS:
        return f"""# Accepted and rejected solutions to mathematical problems, with code that was run

{count:,} pairs of attempts of a language model at the same problem, in the layout `{settings.layout}`: the answer of
the first equals the reference answer, that of the second does not. Exported by Automathes."""
    return f"""# Solutions to mathematical problems, with code that was run

{count:,} solutions that a language model wrote, or a teacher where `purpose` is `demonstration`: prose,
Python blocks, what the interpreter printed, and an answer that was compared with the reference answer. Exported by
Automathes."""


def _usage(settings: ExportSettings, layout: Layout) -> str:
    """How a trainer reads the rows, and what of them the model did not write."""
    if layout.unit is PROBLEMS:
        return layout.usage
    if settings.tools:
        written = "What the interpreter printed is in messages of the role `tool`: exclude these from the loss."
    elif layout.masks:
        written = "What the interpreter printed is excluded from the loss by `train_detail`."
    else:
        written = f"""The model did not write the interpreter's output in it: exclude the
text of {"```output blocks"} from the loss{", or use `segments`, where it is separate" if layout is ROWS else ""}."""
    return f"{layout.usage or '`messages` is the input of trainers for chat models.'} {written}"


def _header(settings: ExportSettings, rows: Mapping[Split, int]) -> str:
    tags = "task_categories:\n- text-generation\ntags:\n- math\n- code\n- self-training\n"
    if settings.format == "datasets":
        return f"---\n{tags}---"
    files = _lines(f"  - split: {split.value}\n    path: data/{split.value}-*.{settings.format}" for split in rows)
    return f"---\n{tags}configs:\n- config_name: default\n  data_files:\n{files}\n---"


def filters_of(settings: ExportSettings) -> str:
    """What was exported, in words: `splits train; outcomes accepted`."""
    chosen = [
        f"{name.replace('_', ' ')} {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in filters(settings).items()
    ]
    return "; ".join(chosen).replace("distinct True", "each solution to a problem once")


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)
