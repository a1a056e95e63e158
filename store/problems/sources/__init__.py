"""Problem sources. Each is a function that streams problems, given its settings, and one line in `registry.py`.

Begin with `registry.py`; `row_parsing.py` turns the rows of files and data sets into problems.
"""

from store.problems.sources.registry import SOURCES, import_problems, read_problems

__all__ = ["SOURCES", "import_problems", "read_problems"]
