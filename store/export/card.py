"""The card of an exported data set: its contents, its filters, and how to load it."""

from collections.abc import Iterable, Mapping

from store.export.rows import columns
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
    loader = _LOADERS[settings.format].format(split=next(iter(rows)).value)
    return f"""{_header(settings, rows)}
# Solutions to mathematical problems, with code that was run

{sum(rows.values()):,} solutions that a language model wrote, or a teacher where `purpose` is `demonstration`: prose,
Python blocks, what the interpreter printed, and an answer that was compared with the reference answer. Exported by
Automathes.

| split | rows |
|---|---:|
{_lines(f"| {split.value} | {count:,} |" for split, count in rows.items())}

Filters: {_choice(settings)}.

```python
{loader}
```

`messages` is the input of trainers for chat models. The model did not write the interpreter's output in it: exclude the
text of {"```output blocks"} from the loss, or use `segments`, where it is separate.

| column | contents |
|---|---|
{_lines(f"| `{name}` | {meaning} |" for name, _, meaning in columns(settings))}

The problems keep the licences of their sources, which `source` names.
"""


def _header(settings: ExportSettings, rows: Mapping[Split, int]) -> str:
    tags = "task_categories:\n- text-generation\ntags:\n- math\n- code\n- self-training\n"
    if settings.format == "datasets":
        return f"---\n{tags}---"
    files = _lines(f"  - split: {split.value}\n    path: data/{split.value}-*.{settings.format}" for split in rows)
    return f"---\n{tags}configs:\n- config_name: default\n  data_files:\n{files}\n---"


def _choice(settings: ExportSettings) -> str:
    filters = [
        f"{name.replace('_', ' ')} {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in settings.model_dump(mode="json", exclude={"format", "token_ids", "shard_rows"}).items()
        if value not in ([], None, False)
    ]
    return "; ".join(filters).replace("distinct True", "each solution to a problem once")


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)
