"""Where problems come from. A source is a function from its settings to problems, and one line in the registry."""

from store.problems.sources.registry import SOURCES, import_problems, read_problems

__all__ = ["SOURCES", "import_problems", "read_problems"]
