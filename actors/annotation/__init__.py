"""Annotation: a strong teacher behind an OpenAI-compatible API solves problems with the sandbox as its interpreter.

MARIO's data were made in this way (arXiv 2401.08190): thought, code, observation, with at most five blocks of code,
once at temperature 0 and twice at 0.6. Begin with `annotator.py`, which runs a job, and `solving.py`.
"""
