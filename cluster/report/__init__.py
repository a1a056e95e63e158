"""The report of a run: collected from its store, and served as live pages with its rollouts.

`collecting.py` reads what a report holds, `app.py` is the HTTP application; begin reading there.
"""
