"""A run's report: one self-contained HTML page.

`records` defines what a report holds, and `page.render` turns it into the page; begin reading there.
"""

from eval.report.page import render, render_content
from eval.report.records import IterationStats, PolicyScore, Report, Solution

__all__ = ["IterationStats", "PolicyScore", "Report", "Solution", "render", "render_content"]
