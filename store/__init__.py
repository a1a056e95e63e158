"""The system of record: problems, labels, rollouts, training sets, policies and evaluations, kept in SQL.

Begin with `store.py`, which has `Store` and its parts. `records.py` has the records that callers pass and get.
"""
