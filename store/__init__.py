"""The system of record: problems, labels, rollouts, training sets, policies and evaluations, kept in SQL.

`store.py` holds `Store`, its parts and their promises: begin there. `records.py` holds the records that cross its border.
"""
