"""The command `export`: what a run made as a data set for other programs.

Begin with `export.py`; `conversations.py` writes rollouts as messages.
"""
