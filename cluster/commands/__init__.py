"""The commands of `automathes`, one module each. Every handler takes the parsed arguments and returns the exit code.

Begin with `run.py`; `cluster/cli.py` holds the options.
"""
