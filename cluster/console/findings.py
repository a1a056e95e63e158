"""The findings of `automathes doctor`, one per line with its remedy below, or as JSON."""

from dataclasses import asdict

from rich.console import Console
from rich.markup import escape

from cluster.console.output import print_json
from sandbox.host import Finding, Level

_COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


def print_findings(findings: list[Finding], *, failed: bool, as_json: bool) -> None:
    """Print the findings; `failed` says whether one of them prevents a run."""
    if as_json:
        print_json({"ok": not failed, "findings": [asdict(finding) for finding in findings]})
        return
    console = Console(highlight=False, soft_wrap=True)
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        colour = _COLOURS[finding.level]
        console.print(f"[{colour}]{finding.level:<4}[/] {finding.name:<{width}}  {escape(finding.what)}")
        if finding.remedy:
            console.print(f"{'':<{width + 5}}  {escape(finding.remedy)}")
    console.print("Something is missing: a run would fail." if failed else "Ready to run.")
