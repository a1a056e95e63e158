"""Exports: rollouts as a data set for other programs, in a folder that appears only when it is complete.

Begin with `folder.py`, which runs an export; `settings.py` has what callers need and imports nothing slow.
"""
