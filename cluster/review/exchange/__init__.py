"""Items and decisions in files, for another tool: as JSON lines, and as Argilla writes and reads its records.

Begin with `forms.py`.
"""
