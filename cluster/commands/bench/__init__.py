"""`automathes bench`: a policy on the standard benchmarks. Begin with `bench.py`; `target.py` is what it measures."""
