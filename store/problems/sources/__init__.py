"""Problem sources. Each is a function that streams problems, given its settings, and one line in `registry.py`.

Begin with `registry.py`; `formats/` reads rows, and `rows/` turns them into problems.
"""

from store.problems.sources.registry import FILES, SOURCES, SUFFIXES, import_problems, preview_problems, read_problems

__all__ = ["FILES", "SOURCES", "SUFFIXES", "import_problems", "preview_problems", "read_problems"]
