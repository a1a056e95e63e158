"""The course of a run: iterations, policies, evaluations, and the state of the driver.

Begin with `iterations.py`. Each module but the helpers (`scheduling.py`, `statistics.py`, `run_state.py`, `reset.py`)
holds one part of the store.
"""
