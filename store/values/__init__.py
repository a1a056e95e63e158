"""Value models: their trainings, where they are published, and the scores that they gave to rollouts.

Begin with `values.py`, the part of the store.
"""
