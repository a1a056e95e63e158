"""Tables that commands print: problems, policies, plans. `columns.py` has what they share."""
