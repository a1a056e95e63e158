"""What makes two solutions the same: the program's normal form and the answer. Pure, without a database.

Begin with `solution.py`; `store.rollouts.variants` applies it to stored rollouts.
"""
