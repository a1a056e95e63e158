"""What the commands print: tables, progress, JSON, short errors; and the handling of Ctrl-C.

Begin with `output.py` and `live_view.py`.
"""
