"""Problems: import without duplicates, exclusion of near-duplicates of held-out problems, and queries.

Begin with `problems.py`, the part of the store. `importing.py` is its core, and `sources/` reads data sets.
"""
