"""The policies that a replica serves. Begin with `served.py`."""
