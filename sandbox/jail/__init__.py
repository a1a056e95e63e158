"""One nsjail seen from the host: its config and process, the control channel to its warm parent, its control groups.

Begin with `jail.py` (one jail), then `pool.py` (which jail takes sessions, and when it is renewed).
"""
