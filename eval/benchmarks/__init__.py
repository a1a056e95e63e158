"""The standard benchmarks: what they are, their problems, the figures on them, and the paper's table with ours beside.

Begin with `benchmark.py` and `registry.py`; `catalogue.py` holds their problems, apart from those of any run.
"""
