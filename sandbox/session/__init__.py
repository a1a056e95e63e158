"""One session's process seen from the host: blocks in, reports and output back, limits watched.

Begin with `process.py`; the channel, the output pipes and the watchdog are its parts.
"""
