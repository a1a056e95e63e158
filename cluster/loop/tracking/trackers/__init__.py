"""One file per tracker, with its `open_tracker`. They are imported in processes of their own, see `../serving.py`."""
