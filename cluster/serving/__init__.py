"""The promoted policy behind OpenAI's API, on Ray Serve.

Begin with `app.py`, the HTTP application. It takes its policy from `promoted.py` and its solutions from `solver.py`.
"""
