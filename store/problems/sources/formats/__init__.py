"""Formats of files and data sets. Each module streams rows, whatever their fields are.

Begin with `json_lines.py`, the shortest.
"""
