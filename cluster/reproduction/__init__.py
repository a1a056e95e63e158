"""Reproduction of a paper: its steps as a chain of this project's own commands, each of which continues if interrupted.

Begin with `stage.py`; `mario.py` has the stages of the MARIO paper, `pipeline.py` runs them, `report.py` sums up.
"""
