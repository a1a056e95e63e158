"""Rows of data sets turned into problems: fields, layouts, questions, labels, splits.

Begin with `parsing.py`; `layouts.py` has the table of the data sets whose fields are known.
"""
