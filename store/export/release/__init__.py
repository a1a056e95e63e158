"""Releases: an export with the card, the statistics and the checks that a data set needs before others use it.

Begin with `release.py`.
"""
