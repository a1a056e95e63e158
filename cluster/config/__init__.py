"""The configuration of a run, its folder, the placement on GPUs and the memory plan.

Begin with `run_config.py` (the settings), then `loading.py` (presets, files, overrides) and `plan.py`.
"""
