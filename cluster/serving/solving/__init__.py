"""Texts made by a policy, streamed while they are made. Begin with `solver.py`."""
