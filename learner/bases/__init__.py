"""The starting points of a run: models that become its first policy.

A new one is a new file with a settings class and one line in `registry`; begin reading there.
"""

from learner.bases.registry import Base, make_base

__all__ = ["Base", "make_base"]
