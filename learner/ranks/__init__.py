"""The ranks that train together, one Ray actor each.

Begin with `gang`, which calls all of them; `silence` finds the one that stopped working, `rllib_learner` is one rank.
"""
