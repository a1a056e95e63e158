"""Policies of a run behind OpenAI's API, on Ray Serve.

`deployment.py` is the replica: `policies/` loads what it serves, `solving/` makes texts with it, and `api/` is the HTTP
application.
"""
