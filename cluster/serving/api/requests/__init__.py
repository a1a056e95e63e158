"""The bodies of requests, checked: `chat.py` and `completions.py`, and what they share in `parameters.py`."""
