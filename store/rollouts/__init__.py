"""Rollouts: leased assignments, writing each attempt once, deduplication of solutions, reading and pruning.

Begin with `rollouts.py` and `assignments.py`, the parts of the store. `writing.py` shows how a batch is written.
"""
