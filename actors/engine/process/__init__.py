"""How the process of a vLLM engine starts.

On CPUs it is forked from a process that has vLLM imported. Begin with `starting.py`.
"""

from actors.engine.process.starting import make_engine, preload

__all__ = ["make_engine", "preload"]
