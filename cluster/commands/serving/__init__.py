"""`automathes serve`. `choosing.py` finds what is to be served, `serve.py` serves it."""
