"""How good a value model is: how well its scores tell right solutions from wrong ones, and what picking by them gains.

Begin with `assessment.py`, which computes everything that a report shows.
"""
