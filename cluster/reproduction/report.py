"""The report on a reproduction: a page, Markdown and JSON."""

import json
import os
from dataclasses import asdict
from pathlib import Path

from cluster.reproduction.figures import Reproduction
from cluster.reproduction.wording import about, tables, verdict
from eval.report.document import document
from eval.report.markup import escape
from eval.report.text_table import to_section
from eval.tables.markdown import to_markdown as table_to_markdown


def write_report(found: Reproduction, folder: Path) -> Path:
    """Write `report.html`, `report.md` and `report.json` atomically; returns the page."""
    files = {"report.html": _page(found), "report.md": to_markdown(found), "report.json": _json(found)}
    for name, text in files.items():
        aside = folder / f".{name}.{os.getpid()}"
        aside.write_text(text, encoding="utf-8")
        aside.replace(folder / name)
    return folder / "report.html"


def to_markdown(found: Reproduction) -> str:
    """The report as Markdown."""
    parts = [f"# Reproduction of MARIO, {found.scale.name}", about(found), verdict(found)]
    return "\n\n".join([*parts, *(table_to_markdown(table).rstrip("\n") for table in tables(found))]) + "\n"


def _page(found: Reproduction) -> str:
    title = f"Reproduction of MARIO, {found.scale.name}"
    parts = [
        f"<header><h1>{escape(title)}</h1><p>{escape(about(found))}</p></header><p>{escape(verdict(found))}</p>",
        *map(to_section, tables(found)),
        '<p class="small"><a href="value-report/report.html">The report on the value model</a> has its plots.</p>',
    ]
    return document(title, "".join(parts))


def _json(found: Reproduction) -> str:
    record = {
        "scale": found.scale.name,
        "seconds": found.seconds,
        "held_out": [asdict(row) for row in found.rows],
        "value": asdict(found.value),
        "annotation": found.annotation,
        "benchmarks": found.benchmarks,
        "stages": [asdict(record) for _, record in found.stages],
    }
    return json.dumps(record, indent=1, default=str) + "\n"
