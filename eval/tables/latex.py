r"""Tables as LaTeX, with the rules of the package booktabs."""

from collections.abc import Sequence

from eval.tables.table import Table

_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "–": "--", "<": r"$<$", ">": r"$>$",
}  # fmt: skip


def to_latex(table: Table) -> str:
    r"""A `table` environment; the document needs `\usepackage{booktabs}`."""
    columns = "l" * table.labels + "r" * (len(table.header) - table.labels)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_caption(table)}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        _line(table.header),
        r"\midrule",
    ]
    for position, row in enumerate(table.rows):
        if position and position in table.emphasised and position - 1 not in table.emphasised:
            lines.append(r"\midrule")
        lines.append(_line(row))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"]) + "\n"


def _caption(table: Table) -> str:
    return "; ".join(map(_escaped, (table.title, *table.notes))) + "."


def _line(cells: Sequence[str]) -> str:
    return " & ".join(map(_escaped, cells)) + r" \\"


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(character, character) for character in " ".join(text.split()))
