"""The page at `/`: a problem is tried in the browser. Begin with `routes.py`; the page itself is in `static/`."""
