"""Training sets: which rollouts train the next policy, selected by place in an index and stored as a snapshot.

Begin with `training_sets.py`, the part of the store, and read on in `selection.py`.
"""
