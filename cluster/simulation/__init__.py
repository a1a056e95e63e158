"""A discrete-event simulation of the loop: how long an iteration takes, and what it costs, on GPUs that are not here.

Begin with `case.py` (what is simulated) and `simulate.py`; `parts/` has the model of each part, `inputs/` where the
numbers come from, `search.py` picks samplers against learner ranks.
"""
